// A grammar as the generator wants it: scores in, scores out with what may not come at -Infinity. When the tokens that
// are left only just suffice, the text is steered to its shortest end.

import type { Matcher } from './matcher.ts';

export interface ConstraintOptions {
  /** Most tokens of the answer; without it the text may be cut in the middle. */
  readonly maxTokens?: number;
  /** Ids that end the answer, beside the tokenizer's; allowed where the text may end. */
  readonly endIds?: readonly number[];
}

/** Tokens kept in reserve: the way to the end may be cut into a few more after another token than from here. */
const RESERVE = 2;

/** One answer under a grammar. */
export class GrammarConstraint {
  readonly matcher: Matcher;
  private readonly endIds: ReadonlySet<number>;
  private tokensLeft: number;
  private readonly words: Uint32Array;
  private hasEnded = false;

  constructor(matcher: Matcher, options: ConstraintOptions = {}) {
    this.matcher = matcher;
    this.endIds = new Set([...matcher.eosIds, ...(options.endIds ?? [])]);
    this.tokensLeft = options.maxTokens ?? Number.POSITIVE_INFINITY;
    this.words = matcher.newMask();
  }

  /** Sets the scores of ids that may not come next to -Infinity. @param scores [vocabSize] */
  mask(scores: Float64Array | Float32Array): void {
    const words = this.words;
    this.allow(words);
    for (let word = 0; word * 32 < scores.length; word++) {
      const bits = words[word] ?? 0;
      if (bits === 0) scores.fill(Number.NEGATIVE_INFINITY, word * 32, word * 32 + 32);
      else if (bits !== 0xffffffff) {
        const end = Math.min(32, scores.length - word * 32);
        for (let bit = 0; bit < end; bit++) {
          if (((bits >>> bit) & 1) === 0) scores[word * 32 + bit] = Number.NEGATIVE_INFINITY;
        }
      }
    }
  }

  private allow(words: Uint32Array): void {
    const { matcher } = this;
    // Apart from the token to be drawn and the one that ends the answer.
    const spare = this.tokensLeft - 2;
    words.fill(0);
    if (!this.hasEnded && matcher.remaining + matcher.growth <= spare) matcher.mask(words);
    else if (!this.hasEnded) {
      const path = matcher.shortestEnd();
      // Every byte more may cost a token.
      if (path.length + RESERVE <= spare)
        matcher.mask(words, matcher.remaining + spare - RESERVE - path.length);
      // The way itself is always left: a mask of so few bytes may be empty, as `remaining` counts a few more.
      if (path.length > 0) setBit(words, path[0]);
    }
    if (this.hasEnded || matcher.isComplete) for (const id of this.endIds) setBit(words, id);
  }

  /** Takes the id that was drawn. @throws RangeError  when the grammar does not allow it */
  accept(id: number): void {
    this.tokensLeft--;
    if (this.endIds.has(id) && this.matcher.isComplete) this.hasEnded = true;
    else if (!this.matcher.accept(id))
      throw new RangeError(`grammar: expected a token that may come next, got id ${id}`);
  }
}

function setBit(words: Uint32Array, id: number): void {
  if (id >>> 5 < words.length) words[id >>> 5] |= 1 << (id & 31);
}
