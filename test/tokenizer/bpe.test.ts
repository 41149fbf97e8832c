import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bpe } from '../../src/tokenizer/bpe.ts';
import { Merges } from '../../src/tokenizer/merges.ts';
import { Vocabulary } from '../../src/tokenizer/vocabulary.ts';
import { randomBelow, stringTable } from '../support/tokenizers.ts';

const FILE = 'small';

/** A vocabulary of the letters a, b, c and everything that `merges` makes, in their order. */
function build(merges: readonly string[], ignoreMerges = false) {
  const texts = [...new Set(['a', 'b', 'c', ...merges.map((merge) => merge.replace(' ', ''))])];
  const vocabulary = new Vocabulary(stringTable(texts), [], FILE);
  const bpe = new Bpe(vocabulary, new Merges(stringTable(merges), vocabulary, FILE), ignoreMerges);
  return (word: string) => {
    const ids: number[] = [];
    bpe.encodeWord(new TextEncoder().encode(word), 0, word.length, ids);
    return ids.map((id) => texts[id]);
  };
}

/** The definition: find the pair of lowest rank, leftmost; merge it; begin again. */
function plain(merges: readonly string[], word: string): string[] {
  const tokens = [...word];
  for (;;) {
    const ranks = tokens.slice(1).map((right, i) => merges.indexOf(`${tokens[i]} ${right}`));
    const candidates = ranks.filter((rank) => rank >= 0);
    if (candidates.length === 0) return tokens;
    const at = ranks.indexOf(Math.min(...candidates));
    tokens.splice(at, 2, tokens[at] + tokens[at + 1]);
  }
}

/** Merges of pairs that exist by then, at random. */
function randomMerges(below: (limit: number) => number): string[] {
  const tokens = ['a', 'b', 'c'];
  const merges: string[] = [];
  for (let i = 0; i < 12; i++) {
    const left = tokens[below(tokens.length)];
    const right = tokens[below(tokens.length)];
    if (left.length + right.length > 8 || merges.includes(`${left} ${right}`)) continue;
    merges.push(`${left} ${right}`);
    if (!tokens.includes(left + right)) tokens.push(left + right);
  }
  return merges;
}

describe('Bpe', () => {
  it('carries out the lowest rank first, and the leftmost of equals', () => {
    expect(build(['b c', 'a b'])('abc')).toEqual(['a', 'bc']);
    expect(build(['a b', 'b c'])('abc')).toEqual(['ab', 'c']);
    expect(build(['a a'])('aaa')).toEqual(['aa', 'a']);
    expect(build(['a a', 'aa a'])('aaaaa')).toEqual(['aa', 'aaa']);
  });

  it('equals the definition on 300 random sets of merges, 20 words each', { tags: ['slow'] }, () => {
    const below = randomBelow(11);
    for (let run = 0; run < 300; run++) {
      const merges = randomMerges(below);
      const encode = build(merges);
      const words = fc.sample(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 }), {
        numRuns: 20,
        seed: run,
      });
      for (const word of words) expect(encode(word), `${merges} on ${word}`).toEqual(plain(merges, word));
    }
  });

  it('tells each merge with its rank and the ids after it', () => {
    const texts = ['a', 'b', 'c', 'bc', 'abc'];
    const vocabulary = new Vocabulary(stringTable(texts), [], FILE);
    const merges = new Merges(stringTable(['b c', 'a bc']), vocabulary, FILE);
    const told: unknown[] = [];
    const word = new TextEncoder().encode('abca');
    new Bpe(vocabulary, merges, false).encodeWord(word, 0, 4, [], (...step) => told.push(step));
    expect(told).toEqual([[[0, 1, 2, 0]], [[0, 3, 0], 0], [[4, 0], 1]]);
  });

  it('keeps a word that is a token whole when merges are ignored (Llama 3), and only then', () => {
    // "abc" is a token, but its merge needs "bc", and "ab" comes first.
    const merges = ['a b', 'b c', 'a bc'];
    expect(build(merges)('abc')).toEqual(['ab', 'c']);
    expect(build(merges, true)('abc')).toEqual(['abc']);
    expect(build(merges, true)('abca')).toEqual(['ab', 'c', 'a']);
  });

  it('gives the same after a word of 100000 letters as before', () => {
    const encode = build(['a b', 'ab c']);
    expect(encode('abcab')).toEqual(['abc', 'ab']);
    expect(encode('abcb'.repeat(25_000)).length).toBe(50_000);
    expect(encode('abcab')).toEqual(['abc', 'ab']);
  });
});
