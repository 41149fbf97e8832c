// Byte-pair encoding of one word (Sennrich, Haddow & Birch 2016, on bytes as in GPT-2): starting from single
// bytes, always carry out the merge of lowest rank, leftmost first, until none applies. A heap of candidate
// merges over a doubly linked list keeps this at n log n; rescanning the word after each merge would be
// quadratic, and a word is as long as whoever wrote the text wants it (docs/components/bpe.md).

import type { Merges } from './merges.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Positions are below 2^31 and ranks below 2^20, so rank · 2^31 + position is exact in a float64. */
const POSITIONS = 2 ** 31;

/** Work space is kept between words up to this many bytes; a longer word's is given back. */
const KEPT_WORD_LENGTH = 4096;

/** Hears of a word's ids: of its bytes at first, then after each merge, with the rank of it. */
export type OnMerge = (ids: readonly number[], rank?: number) => void;

export class Bpe {
  private readonly vocabulary: Vocabulary;
  private readonly merges: Merges;
  /** Llama 3: a word that is a token stays whole, whatever the merges say. */
  private readonly ignoreMerges: boolean;
  private work = new WorkSpace(64);

  constructor(vocabulary: Vocabulary, merges: Merges, ignoreMerges: boolean) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.ignoreMerges = ignoreMerges;
  }

  /**
   * Appends the ids of the word `bytes[begin, end)` to `ids`. Bytes without a token are dropped before
   * anything is merged, as HF `tokenizers` does, so that their neighbours can merge.
   */
  encodeWord(bytes: Uint8Array, begin: number, end: number, ids: number[], onMerge?: OnMerge): void {
    if (this.ignoreMerges) {
      const whole = this.vocabulary.idOfBytes(bytes, begin, end);
      if (whole >= 0) {
        ids.push(whole);
        return;
      }
    }
    if (this.work.capacity < end - begin) this.work = new WorkSpace(2 * (end - begin));
    const { work } = this;
    let count = 0;
    for (let i = begin; i < end; i++) {
      const id = this.vocabulary.byteIds[bytes[i]];
      if (id >= 0) work.ids[count++] = id;
    }
    if (count > 0) {
      this.mergeAll(work, count, onMerge);
      work.appendTo(ids);
    }
    if (work.capacity > KEPT_WORD_LENGTH) this.work = new WorkSpace(64);
  }

  /** Merges the list of `count` ids until no two neighbours merge; the first always stays at position 0. */
  private mergeAll(work: WorkSpace, count: number, onMerge?: OnMerge): void {
    const { ids, next, previous, ranks, heap } = work;
    heap.clear();
    for (let at = 0; at < count; at++) {
      previous[at] = at - 1;
      next[at] = at + 1 < count ? at + 1 : -1;
      ranks[at] = -1;
    }
    for (let at = 0; at + 1 < count; at++) this.offer(work, at);
    onMerge?.(work.appendTo([]));
    while (heap.size > 0) {
      const key = heap.pop();
      const rank = Math.floor(key / POSITIONS);
      const left = key - rank * POSITIONS;
      // A pair that has changed since it was offered has another rank now, or none.
      if (ranks[left] !== rank) continue;
      const right = next[left];
      ids[left] = this.merges.mergedIds[rank];
      ranks[right] = -1;
      next[left] = next[right];
      if (next[left] >= 0) previous[next[left]] = left;
      this.offer(work, left);
      if (previous[left] >= 0) this.offer(work, previous[left]);
      onMerge?.(work.appendTo([]), rank);
    }
  }

  /** Looks up the pair that begins at `left` and, where it merges, makes it a candidate. */
  private offer(work: WorkSpace, left: number): void {
    const right = work.next[left];
    const rank = right < 0 ? -1 : this.merges.rank(work.ids[left], work.ids[right]);
    work.ranks[left] = rank;
    if (rank >= 0) work.heap.push(rank * POSITIONS + left);
  }
}

/** Everything that encoding a word of up to `capacity` bytes writes to. */
class WorkSpace {
  readonly capacity: number;
  /** [capacity]: id of the token that begins at each position. */
  readonly ids: Int32Array;
  /** [capacity]: where the next token begins; -1 after the last. */
  readonly next: Int32Array;
  /** [capacity]: where the token before begins; -1 before the first. */
  readonly previous: Int32Array;
  /** [capacity]: rank of the pair that begins at each position; -1 where it does not merge or is no more. */
  readonly ranks: Int32Array;
  readonly heap: MinHeap;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ids = new Int32Array(capacity);
    this.next = new Int32Array(capacity);
    this.previous = new Int32Array(capacity);
    this.ranks = new Int32Array(capacity);
    // n - 1 pairs at first; each merge takes one key out and puts at most two in; there are at most n
    // - 1 merges.
    this.heap = new MinHeap(2 * capacity);
  }

  /** Appends the ids of the list to `ids`. */
  appendTo(ids: number[]): number[] {
    for (let at = 0; at >= 0; at = this.next[at]) ids.push(this.ids[at]);
    return ids;
  }
}

/** A binary heap of numbers: `pop` takes the smallest. */
class MinHeap {
  size = 0;
  private readonly keys: Float64Array;

  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
  }

  clear(): void {
    this.size = 0;
  }

  push(key: number): void {
    const keys = this.keys;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop(): number {
    const keys = this.keys;
    const smallest = keys[0];
    const last = keys[--this.size];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= last) break;
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = last;
    return smallest;
  }
}
