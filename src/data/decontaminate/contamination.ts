// Whether a document holds a benchmark's question: three rules by the names of who published them.
//
//     cosmopedia   a common run of 10 words (`\w+`), then difflib: common stretches of more than 5 characters make
//                  more than half of the item
//     finemath     a common run of 13 words, then a longest common subsequence of at least 0.6 of the item's words
//     datatrove    a common run of 12 words: of the answer, or across the border of question and answer
//
// The last two compare simplified text in spaCy's words; the first has words of its own.

import { sha1First64 } from '../hash/sha1.ts';
import { shingles } from '../minhash/signature.ts';
import { simplify } from '../simplify.ts';
import { longestCommonSubsequence, matchingBlocks } from './matching-blocks.ts';

export type DecontaminationRule = 'cosmopedia' | 'finemath' | 'datatrove';

export interface BenchmarkItem {
  readonly task: string;
  /** Which item of the task: a number or name for the report. */
  readonly id: string;
  readonly query: string;
  readonly answer: string;
}

export interface Contamination {
  readonly item: BenchmarkItem;
  /** The first run of words in the document that the item has too. */
  readonly ngram: string;
  /** How much of the item the document holds, where the rule asks: 0 to 1. */
  readonly ratio: number | null;
  /** Both texts as they were compared: the document's around the run. */
  readonly documentText: string;
  readonly itemText: string;
}

export const NGRAM_SIZES: Readonly<Record<DecontaminationRule, number>> = {
  cosmopedia: 10,
  finemath: 13,
  datatrove: 12,
};
const MIN_RATIO = { cosmopedia: 0.5, finemath: 0.6, datatrove: 0 };
/** cosmopedia counts common stretches from this many characters on. */
const LEAST_STRETCH = 6;
/** Code points of a document that difflib compares at once; of a longer one, the surroundings of the run. */
const MAX_COMPARED = 1 << 16;
/** Words around the run that a report shows. */
const SHOWN_WORDS = 40;

type Words = (text: string) => readonly string[];

const encoder = new TextEncoder();

/** Words of cosmopedia's rule: accents off, lower case, letters, digits and _. */
export function plainWords(text: string): string[] {
  return (
    text
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '')
      .toLowerCase()
      .match(/[\p{L}\p{N}_]+/gu) ?? []
  );
}

interface IndexedItem {
  readonly item: BenchmarkItem;
  /** Of the query and the answer. */
  readonly words: readonly string[];
}

/** Items of benchmarks, and whether a document holds one, by the rule of cosmopedia, FineMath or datatrove. */
export class ContaminationIndex {
  readonly rule: DecontaminationRule;
  readonly ngramSize: number;
  private readonly words: Words;
  private readonly items: IndexedItem[] = [];
  /** Items that have the run of words, by number. */
  private readonly places = new Map<string, number[]>();

  /** @param words spaCy's, of a simplified text */
  constructor(rule: DecontaminationRule, words: Words, ngramSize = NGRAM_SIZES[rule]) {
    this.rule = rule;
    this.ngramSize = ngramSize;
    this.words = rule === 'cosmopedia' ? plainWords : (text) => words(simplify(text));
  }

  add(item: BenchmarkItem): void {
    const [query, answer] = [this.words(item.query), this.words(item.answer)];
    const number = this.items.push({ item, words: [...query, ...answer] }) - 1;
    for (const ngram of new Set(this.ngramsOf(query, answer))) {
      const known = this.places.get(ngram);
      if (known) known.push(number);
      else this.places.set(ngram, [number]);
    }
  }

  private ngramsOf(query: readonly string[], answer: readonly string[]): string[] {
    if (this.rule !== 'datatrove') return shingles([...query, ...answer], this.ngramSize);
    // The question alone is no secret: runs must reach into the answer.
    return shingles(
      [...query.slice(query.length - Math.min(query.length, this.ngramSize - 1)), ...answer],
      this.ngramSize,
    );
  }

  /** Numbers for datatrove's `TASK.index.hashes` (u64, little-endian): SHA-1 of every run, eight bytes of it. */
  hashes(): BigUint64Array {
    return BigUint64Array.from([...this.places.keys()], (ngram) => sha1First64(encoder.encode(ngram)));
  }

  /** How many of the document's runs the index has, and the first of them. */
  hits(text: string): { count: number; first: string | null } {
    const found = shingles(this.words(text), this.ngramSize).filter((ngram) => this.places.has(ngram));
    return { count: found.length, first: found[0] ?? null };
  }

  /** The item that the document holds the most of, if the rule calls it contaminated. */
  find(text: string): Contamination | null {
    const words = this.words(text);
    const firstHits = new Map<number, number>();
    for (const [at, ngram] of shingles(words, this.ngramSize).entries())
      for (const number of this.places.get(ngram) ?? [])
        if (!firstHits.has(number)) firstHits.set(number, at);
    let worst: Contamination | null = null;
    for (const [number, at] of firstHits) {
      const found = this.compare(this.items[number], words, at);
      const isEnough =
        this.rule === 'cosmopedia' ? found.ratio! > 0.5 : (found.ratio ?? 1) >= MIN_RATIO[this.rule];
      if (isEnough && (worst === null || (found.ratio ?? 0) > (worst.ratio ?? 0))) worst = found;
      if (this.rule === 'datatrove') break;
    }
    return worst;
  }

  private compare({ item, words: own }: IndexedItem, words: readonly string[], at: number): Contamination {
    const around = (count: number) => words.slice(Math.max(0, at - count), at + this.ngramSize + count);
    const ratio =
      this.rule === 'cosmopedia'
        ? commonCharacters(words, own, at)
        : this.rule === 'finemath'
          ? longestCommonSubsequence(around(own.length), own) / own.length
          : null;
    return {
      item,
      ngram: words.slice(at, at + this.ngramSize).join(' '),
      ratio,
      documentText: around(SHOWN_WORDS).join(' '),
      itemText: own.join(' '),
    };
  }
}

/** cosmopedia's `diff_ratio`: characters of the item that stand in the document in long enough stretches. */
function commonCharacters(words: readonly string[], own: readonly string[], at: number): number {
  const item = codePoints(own.join(' '));
  const whole = words.join(' ');
  const begin = Math.max(0, words.slice(0, at).join(' ').length - MAX_COMPARED / 2);
  const text = codePoints(whole.length > MAX_COMPARED ? whole.slice(begin, begin + MAX_COMPARED) : whole);
  const stretches = matchingBlocks(text, item)
    .filter(({ length }) => length >= LEAST_STRETCH)
    .map(({ a, length }) => String.fromCodePoint(...text.subarray(a, a + length)));
  return codePoints(stretches.join('').trim().replace(/ +/g, ' ')).length / item.length;
}

function codePoints(text: string): Uint32Array {
  return Uint32Array.from(text, (character) => character.codePointAt(0)!);
}
