import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type BenchmarkItem,
  ContaminationIndex,
  plainWords,
} from '../../src/data/decontaminate/contamination.ts';
import { longestCommonSubsequence, matchingBlocks } from '../../src/data/decontaminate/matching-blocks.ts';

interface Goldens {
  readonly blocks: readonly {
    readonly a: string;
    readonly b: string;
    readonly blocks: readonly number[][];
  }[];
  /** Question and answer. */
  readonly items: readonly [string, string][];
  readonly documents: readonly string[];
  /** cosmopedia's, by document and item. */
  readonly ratios: readonly (readonly number[])[];
  /** datatrove's, of runs of five words, sorted as text. */
  readonly hashes: readonly (readonly string[])[];
  readonly itemWords: readonly [string[], string[]][];
}

const goldens: Goldens = JSON.parse(
  readFileSync(new URL('../golden/dedup/decontamination.json', import.meta.url), 'utf8'),
);
const items = goldens.items.map(
  ([query, answer], i): BenchmarkItem => ({ task: 'own', id: String(i), query, answer }),
);
const units = (text: string) => Uint16Array.from(text, (_, i) => text.charCodeAt(i));
const bySpaces = (text: string) => text.split(' ').filter((word) => word !== '');

function indexOf(rule: 'cosmopedia' | 'finemath' | 'datatrove', listed = items, ngramSize?: number) {
  const index = new ContaminationIndex(rule, bySpaces, ngramSize);
  for (const item of listed) index.add(item);
  return index;
}

describe('matchingBlocks', () => {
  it.each(goldens.blocks.map((golden, i) => ({ i, ...golden })))("are difflib's ($i)", ({ a, b, blocks }) => {
    expect(matchingBlocks(units(a), units(b)).map((block) => [block.a, block.b, block.length])).toEqual(
      blocks,
    );
  });
});

describe('longestCommonSubsequence', () => {
  /** The textbook's table. */
  function plainly(a: readonly string[], b: readonly string[]): number {
    const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
    for (let i = 1; i <= a.length; i++)
      for (let j = 1; j <= b.length; j++)
        table[i][j] =
          a[i - 1] === b[j - 1] ? table[i - 1][j - 1] + 1 : Math.max(table[i - 1][j], table[i][j - 1]);
    return table[a.length][b.length];
  }

  it('equals the table for lengths around one and two cells of 32', () => {
    let seed = 1;
    const letter = () => 'abcd'[(seed = (seed * 48271) % 2147483647) % 4];
    for (const length of [0, 1, 31, 32, 33, 63, 64, 65, 100]) {
      const [a, b] = [150, length].map((n) => Array.from({ length: n }, letter));
      expect(longestCommonSubsequence(a, b)).toBe(plainly(a, b));
    }
  });
});

describe('cosmopedia', () => {
  it.each(items)('gives each document the ratio of the published code (item $id)', (item) => {
    // Runs of one word: every document that has a word of the item is compared.
    const index = new ContaminationIndex('cosmopedia', bySpaces, 1);
    index.add(item);
    for (const [d, document] of goldens.documents.entries()) {
      const ratio = goldens.ratios[d][Number(item.id)];
      const found = index.find(document);
      if (ratio > 0.5) expect(found?.ratio).toBeCloseTo(ratio, 12);
      else expect(found).toBeNull();
    }
  });

  it('asks for a common run of ten words first', () => {
    expect(indexOf('cosmopedia').find(goldens.documents[0])?.item).toBe(items[0]);
    expect(indexOf('cosmopedia').find(goldens.documents[3])).toBeNull();
  });

  it('has words of letters, digits and _ without accents', () => {
    expect(plainWords('L’Été_2 à 3,5 % — ﬁn')).toEqual(['l', 'ete_2', 'a', '3', '5', 'ﬁn']);
  });

  it('compares only the surroundings in a document of two million characters, and finds the item', {
    tags: ['slow'],
  }, () => {
    const filler = 'nothing of the kind is in here and so on '.repeat(25_000);
    const found = indexOf('cosmopedia').find(`${filler}${goldens.items[0].join(' ')} ${filler}`);
    expect(found?.ratio).toBeGreaterThan(0.99);
  });
});

describe('finemath', () => {
  const found = (document: string) => indexOf('finemath').find(document);

  it("is the part of the item's words that stand in order around a common run of 13", () => {
    const query = Array.from({ length: 20 }, (_, i) => `q${String.fromCharCode(97 + i)}`);
    const index = indexOf('finemath', [{ task: 'own', id: 'x', query: query.join(' '), answer: '' }]);
    const others = Array.from({ length: 60 }, (_, i) => `o${String.fromCharCode(97 + (i % 26))}`);
    expect(index.find([...others, ...query.slice(0, 13), ...others].join(' '))?.ratio).toBe(13 / 20);
    expect(
      index.find([...others, ...query.slice(0, 12), ...others, ...query.slice(12)].join(' ')),
    ).toBeNull();
    const longer = indexOf('finemath', [
      { task: 'own', id: 'x', query: query.join(' '), answer: others.join(' ') },
    ]);
    expect(longer.find([...query.slice(0, 13), 'x', 'y'].join(' '))).toBeNull();
  });

  it('names the item, the run and both texts', () => {
    const contamination = found(goldens.documents[0]);
    expect(contamination?.item.id).toBe('0');
    expect(contamination?.ngram).toBe('a farmer has seventeen sheep and buys nine more at the market how');
    expect(contamination?.documentText).toContain('something before it stands here a farmer');
    expect(contamination?.itemText).toContain('twenty six sheep');
    expect(found('Nothing of it is in here, not even a little.')).toBeNull();
  });
});

describe('datatrove', () => {
  it.each(items)(
    'indexes the runs of the answer and across the border, by their hashes (item $id)',
    (item) => {
      const [query, answer] = goldens.itemWords[Number(item.id)];
      const index = new ContaminationIndex(
        'datatrove',
        (text) => (text.startsWith(query[0]) ? query : answer),
        5,
      );
      index.add(item);
      expect([...index.hashes()].map(String).sort()).toEqual([...new Set(goldens.hashes[Number(item.id)])]);
    },
  );

  it('lets a question alone pass, not its answer', () => {
    const [query, answer] = goldens.items[1];
    expect(indexOf('datatrove', items, 8).find(query)).toBeNull();
    expect(indexOf('datatrove', items, 8).find(answer)?.ngram).toBe(
      'carbon dioxide which they take in through small',
    );
    expect(indexOf('datatrove').find(`${query} ${answer}`)?.item).toBe(items[1]);
  });
});
