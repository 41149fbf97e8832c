// Training a byte-level BPE vocabulary, merge for merge what HuggingFace's BpeTrainer makes (tokenizers,
// models/bpe/trainer.rs and word.rs). Words are counted once; then, again and again, the pair of neighbours that
// occurs most often becomes a token. Ties go to the smaller left id, then the smaller right id: in a small corpus
// most steps are ties, so this rule is half of the vocabulary (docs/training/tokenizer.md).

import { toAlphabet } from './byte-alphabet.ts';
import { type PairEntry, PairHeap } from './pair-heap.ts';
import { PRETOKENIZERS } from './pretokenize.ts';

export interface BpeTrainingOptions {
  /** Tokens in all: specials, the 256 bytes and what is learned. */
  readonly vocabSize: number;
  /** A pair that occurs less often than this becomes no token; 0 and 1 are the same. */
  readonly minFrequency?: number;
  /** Tokens that no text is cut into; they take the first ids. */
  readonly specialTokens?: readonly string[];
  /** Told after each new token. */
  readonly onToken?: (tokens: number, vocabSize: number) => void;
}

export interface TrainedVocabulary {
  /** In the byte alphabet, by id. */
  readonly tokens: readonly string[];
  /** Pairs of tokens, best first. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly specialTokens: readonly string[];
}

/** Ids stay below this, so that a pair is left · MAX_TOKENS + right, exact in a float64. */
const MAX_TOKENS = 2 ** 24;

/** Counts the words that SmolLM2's pre-tokenizer cuts texts into. */
export class WordCounts {
  readonly counts = new Map<string, number>();

  /** Counts the words of one document; words do not cross from one to the next. */
  add(text: string): void {
    const wordEnd = PRETOKENIZERS.smollm;
    for (let begin = 0; begin < text.length; ) {
      const end = wordEnd(text, begin, text.length);
      const word = text.slice(begin, end);
      this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
      begin = end;
    }
  }
}

/**
 * Learns the vocabulary of counted words.
 *
 * @throws RangeError when vocabSize has no room for the specials and the 256 bytes, or a special is there twice
 */
export function trainBpe(words: WordCounts, options: BpeTrainingOptions): TrainedVocabulary {
  const { vocabSize, minFrequency = 0, specialTokens = [], onToken } = options;
  const { tokens, idOf } = firstTokens(specialTokens);
  if (!(vocabSize >= tokens.length && vocabSize <= MAX_TOKENS)) {
    throw new RangeError(
      `vocabSize: expected ${tokens.length} (${specialTokens.length} specials and the bytes) ` +
        `to ${MAX_TOKENS}, got ${vocabSize}`,
    );
  }
  const list = wordsOf(words, idOf);
  const pairs = new PairCounts(list);
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const best = pairs.takeBest();
    if (!best || best.count < Math.max(1, minFrequency)) break;
    const [left, right] = [Math.floor(best.pair / MAX_TOKENS), best.pair % MAX_TOKENS];
    const text = tokens[left] + tokens[right];
    // Two ways to one text are two merges of one token.
    const known = idOf.get(text);
    const id = known ?? tokens.push(text) - 1;
    idOf.set(text, id);
    merges.push([tokens[left], tokens[right]]);
    pairs.merge(best, left, right, id);
    if (known === undefined) onToken?.(tokens.length, vocabSize);
  }
  return { tokens, merges, specialTokens };
}

/** Specials in their order, then the characters that stand for bytes, by code point. */
function firstTokens(specials: readonly string[]): { tokens: string[]; idOf: Map<string, number> } {
  if (new Set(specials).size !== specials.length || specials.includes('')) {
    throw new RangeError(`specialTokens: expected different texts, got ${specials.join(', ')}`);
  }
  const characters = [...toAlphabet(Uint8Array.from({ length: 256 }, (_, byte) => byte))].sort();
  const tokens = [...specials, ...characters.filter((character) => !specials.includes(character))];
  return { tokens, idOf: new Map(tokens.map((text, id) => [text, id])) };
}

/** A word as ids of its tokens so far, and how often it occurs. */
interface Word {
  ids: number[];
  readonly count: number;
}

function wordsOf({ counts }: WordCounts, idOf: ReadonlyMap<string, number>): Word[] {
  const utf8 = new TextEncoder();
  return Array.from(counts, ([text, count]) => ({
    ids: Array.from(toAlphabet(utf8.encode(text)), (character) => idOf.get(character)!),
    count,
  }));
}

/** How often each pair of neighbours occurs, and where; kept up to date while words change. */
class PairCounts {
  private readonly words: readonly Word[];
  private readonly counts = new Map<number, number>();
  private readonly heap = new PairHeap();
  /** Pairs that the merge in hand has made, and the words that have them now. */
  private readonly made = new Map<number, Set<number>>();

  constructor(words: readonly Word[]) {
    this.words = words;
    for (const [index, { ids }] of words.entries()) {
      for (let i = 0; i + 1 < ids.length; i++) this.change(ids[i], ids[i + 1], 1, index);
    }
    this.offerMade();
  }

  /** The pair that occurs most often, taken out; undefined when there is none. */
  takeBest(): PairEntry | undefined {
    for (;;) {
      const best = this.heap.pop();
      if (!best) return undefined;
      const count = this.counts.get(best.pair)!;
      if (best.count === count) return best;
      // Its count has sunk since it was offered.
      this.heap.push({ ...best, count });
    }
  }

  /** Carries out a merge in the words that were known to have the pair when it was offered. */
  merge({ words }: PairEntry, left: number, right: number, merged: number): void {
    for (const index of words) this.mergeWord(index, left, right, merged);
    this.offerMade();
  }

  /** From left to right; a pair counts its neighbours away and its new neighbours in. */
  private mergeWord(index: number, left: number, right: number, merged: number): void {
    const { ids } = this.words[index];
    const kept: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] !== left || ids[i + 1] !== right) {
        kept.push(ids[i]);
        continue;
      }
      const before = kept.at(-1);
      if (before !== undefined) {
        this.change(before, left, -1, index);
        this.change(before, merged, 1, index);
      }
      const after = ids[i + 2];
      if (after !== undefined) {
        this.change(right, after, -1, index);
        this.change(merged, after, 1, index);
      }
      kept.push(merged);
      i++;
    }
    this.words[index].ids = kept;
  }

  private change(left: number, right: number, by: 1 | -1, index: number): void {
    const pair = left * MAX_TOKENS + right;
    this.counts.set(pair, (this.counts.get(pair) ?? 0) + by * this.words[index].count);
    if (by < 0) return;
    const words = this.made.get(pair);
    if (words) words.add(index);
    else this.made.set(pair, new Set([index]));
  }

  private offerMade(): void {
    for (const [pair, words] of this.made) {
      const count = this.counts.get(pair)!;
      if (count > 0) this.heap.push({ pair, count, words });
    }
    this.made.clear();
  }
}
