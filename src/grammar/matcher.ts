// One text under a grammar: which tokens may come next, and the next token taken.

import type { MaskBuilder } from './mask.ts';
import { type State, stepAll } from './state.ts';

/** Bytes that are tried first on the way to the end of a text: most of JSON's short ends are made of them. */
const LIKELY = [...'"}],:0x', ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))].map(
  (c) => c.charCodeAt(0),
);

/** Longest way to an end that is looked for. */
const MAX_PATH = 65_536;

/** Where a text stands in a grammar: takes bytes one by one. */
export class Matcher {
  /** By how many bytes one token can move the end of the text away, at most. */
  readonly growth: number;
  private readonly masks: MaskBuilder;
  private states: readonly State[];
  private ended = false;
  /** The shortest end that was found last, and where. */
  private path: { readonly states: readonly State[]; readonly ids: readonly number[] } | undefined;

  constructor(masks: MaskBuilder, first: readonly State[], growth: number) {
    this.masks = masks;
    this.states = first;
    this.growth = growth;
  }

  get eosIds(): readonly number[] {
    return this.masks.trie.eosIds;
  }

  /** Whether the text may end here. */
  get isComplete(): boolean {
    return this.ended || this.states.some((state) => state.isEnd);
  }

  /** Whether a token that ends the text was taken. */
  get isEnded(): boolean {
    return this.ended;
  }

  /** Fewest bytes to the end of the text, or a few more. */
  get remaining(): number {
    return this.ended ? 0 : fewest(this.states);
  }

  /** A mask without a bit set: one for every id of the vocabulary, rounded up to words of 32. */
  newMask(): Uint32Array {
    return new Uint32Array(this.masks.trie.numWords);
  }

  /**
   * Which tokens may come next: bit id & 31 of word id >>> 5.
   *
   * @param into   where to write it; a new array by default
   * @param limit  most bytes from after the token to the end of the text
   */
  mask(into = this.newMask(), limit?: number): Uint32Array {
    const { numWords } = this.masks.trie;
    if (into.length < numWords) throw new RangeError(`expected ${numWords} words, got ${into.length}`);
    into.fill(0);
    if (this.ended) return into;
    this.masks.fill(into, this.states, limit);
    if (this.isComplete) for (const id of this.eosIds) into[id >>> 5] |= 1 << (id & 31);
    return into;
  }

  /** Takes a token. @returns false, and stays where it was, when the token may not come */
  accept(id: number): boolean {
    if (this.ended) return false;
    if (this.eosIds.includes(id)) {
      this.ended = this.isComplete;
      return this.ended;
    }
    return this.masks.trie.isOrdinary(id) && this.acceptBytes(this.masks.trie.tokenBytes(id));
  }

  /** Takes bytes, as a token of them would. @returns false, and stays where it was, when they may not come */
  acceptBytes(bytes: Uint8Array): boolean {
    if (this.ended) return false;
    let { states } = this;
    for (const byte of bytes) {
      states = stepAll(states, byte);
      if (states.length === 0) return false;
    }
    this.states = states;
    return true;
  }

  /** Tokens of a short end of the text: the fewest bytes, cut into the longest tokens from the left. */
  shortestEnd(): readonly number[] {
    if (this.ended || this.isComplete) return [];
    if (this.path?.states !== this.states) {
      this.path = { states: this.states, ids: this.masks.trie.longestTokens(this.shortestBytes()) };
    }
    return this.path.ids;
  }

  private shortestBytes(): number[] {
    const bytes: number[] = [];
    let { states } = this;
    while (bytes.length < MAX_PATH && !states.some((state) => state.isEnd)) {
      const now = fewest(states);
      let best: { byte: number; states: readonly State[]; left: number } | undefined;
      for (const byte of LIKELY) {
        const next = stepAll(states, byte);
        if (next.length === 0) continue;
        const left = fewest(next);
        if (!best || left < best.left) best = { byte, states: next, left };
        if (left < now) break;
      }
      if (!best) break;
      bytes.push(best.byte);
      states = best.states;
    }
    return bytes;
  }
}

function fewest(states: readonly State[]): number {
  return states.reduce((least, state) => Math.min(least, state.remaining), Number.POSITIVE_INFINITY);
}
