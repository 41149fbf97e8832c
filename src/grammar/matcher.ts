// One text under a grammar: which tokens may come next, and the next token taken.

import type { MaskBuilder } from './mask.ts';
import { type State, stepAll } from './state.ts';

export class Matcher {
  private readonly masks: MaskBuilder;
  private states: readonly State[];
  private ended = false;

  constructor(masks: MaskBuilder, first: readonly State[]) {
    this.masks = masks;
    this.states = first;
  }

  /** Whether the text may end here. */
  get isComplete(): boolean {
    return this.ended || this.states.some((state) => state.isEnd);
  }

  /** Whether a token that ends the text was taken. */
  get isEnded(): boolean {
    return this.ended;
  }

  /** Fewest bytes to the end of the text. */
  get remaining(): number {
    return this.ended ? 0 : Math.min(...this.states.map((state) => state.remaining));
  }

  /** [ceil(vocabSize / 32)]: bit id & 31 of word id >>> 5 is 1 where the token may come next. */
  mask(into = new Uint32Array(this.masks.trie.numWords)): Uint32Array {
    into.fill(0);
    if (this.ended) return into;
    this.masks.fill(into, this.states);
    if (this.isComplete) for (const id of this.masks.trie.eosIds) into[id >>> 5] |= 1 << (id & 31);
    return into;
  }

  /** Takes a token. @returns false, and stays where it was, when the token may not come */
  accept(id: number): boolean {
    if (this.ended) return false;
    if (this.masks.trie.eosIds.includes(id)) {
      this.ended = this.isComplete;
      return this.ended;
    }
    const next = this.masks.trie.isOrdinary(id) ? this.after(this.masks.trie.tokenBytes(id)) : [];
    if (next.length > 0) this.states = next;
    return next.length > 0;
  }

  /** Takes bytes, as a token of them would. @returns false, and stays where it was, when they may not come */
  acceptBytes(bytes: Uint8Array): boolean {
    const next = this.ended ? [] : this.after(bytes);
    if (next.length > 0) this.states = next;
    return next.length > 0;
  }

  private after(bytes: Uint8Array): readonly State[] {
    let states = this.states;
    for (const byte of bytes) {
      states = stepAll(states, byte);
      if (states.length === 0) break;
    }
    return states;
  }
}
