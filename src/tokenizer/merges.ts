// The merges of a BPE vocabulary: which two neighbouring tokens become one, and in which order of preference.
// A table from (left id, right id) to rank, in typed arrays: 1.1 MB for 48,900 merges. bpe.ts applies it.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { StringTable } from '../base/string-table.ts';
import { fromAlphabet } from './byte-alphabet.ts';
import { hashTableSize, MAX_PROBES, MAX_VOCAB_SIZE, type Vocabulary } from './vocabulary.ts';

const SPACE = 0x20;

export class Merges {
  /** Number of merges; a rank is below it. */
  readonly count: number;
  /** [count]: the id that the merge of each rank makes. */
  readonly mergedIds: Int32Array;

  private readonly leftIds: Int32Array;
  private readonly rightIds: Int32Array;
  /** Ranks by hash of their pair, with linear probing; -1 is free. */
  private readonly slots: Int32Array;

  /**
   * @param merges texts `left right` in the byte alphabet, best first: the index is the rank
   * @throws FormatError  when a merge names or makes a token that is not in the vocabulary, or comes twice
   */
  constructor(merges: StringTable, vocabulary: Vocabulary, file: string) {
    // Every merge makes a token, and a token can be made in few ways: more merges than this is
    // not a vocabulary.
    if (merges.count > MAX_VOCAB_SIZE) {
      throw new FormatError(`expected at most ${MAX_VOCAB_SIZE}, got ${merges.count}`, {
        file,
        field: 'merges',
      });
    }
    this.count = merges.count;
    this.leftIds = new Int32Array(merges.count);
    this.rightIds = new Int32Array(merges.count);
    this.mergedIds = new Int32Array(merges.count);
    this.slots = new Int32Array(hashTableSize(merges.count)).fill(-1);
    const joined = new Uint8Array(longest(merges));
    for (let rank = 0; rank < merges.count; rank++) this.add(rank, merges, vocabulary, joined, file);
  }

  /** What the merges are made of. */
  tables(): readonly Int32Array[] {
    return [this.leftIds, this.rightIds, this.mergedIds];
  }

  /** Rank of the merge of two neighbours, or -1 where they do not merge. */
  rank(leftId: number, rightId: number): number {
    const slot = this.findSlot(leftId, rightId);
    return slot < 0 ? -1 : this.slots[slot];
  }

  private add(
    rank: number,
    merges: StringTable,
    vocabulary: Vocabulary,
    joined: Uint8Array,
    file: string,
  ): void {
    const refuse = (message: string): never => {
      throw new FormatError(`${message}, got ${shown(merges.get(rank))}`, {
        file,
        field: `merge ${rank}`,
      });
    };
    const end = merges.offsets[rank + 1];
    const split = merges.bytes.indexOf(SPACE, merges.offsets[rank]);
    if (split < 0 || split >= end) refuse('expected two tokens with a space between');
    // The second half may not contain a space: that is no character of the alphabet.
    const leftLength = fromAlphabet(merges.bytes, merges.offsets[rank], split, joined, 0);
    const rightLength = fromAlphabet(merges.bytes, split + 1, end, joined, Math.max(leftLength, 0));
    if (leftLength < 1 || rightLength < 1) refuse('expected two tokens in the byte alphabet');
    const length = leftLength + rightLength;
    const leftId = vocabulary.idOfBytes(joined, 0, leftLength);
    const rightId = vocabulary.idOfBytes(joined, leftLength, length);
    const mergedId = vocabulary.idOfBytes(joined, 0, length);
    if (leftId < 0 || rightId < 0 || mergedId < 0) {
      refuse('expected that both tokens and what they make are in the vocabulary');
    }
    const slot = this.findSlot(leftId, rightId);
    if (slot < 0) refuse(`expected pairs that differ: more than ${MAX_PROBES} have one hash`);
    if (this.slots[slot] >= 0) refuse(`expected a new pair: merge ${this.slots[slot]} is the same`);
    this.slots[slot] = rank;
    this.leftIds[rank] = leftId;
    this.rightIds[rank] = rightId;
    this.mergedIds[rank] = mergedId;
  }

  /** The slot that holds this pair, or the free one where it belongs; -1 when the run is too long. */
  private findSlot(leftId: number, rightId: number): number {
    const mask = this.slots.length - 1;
    let hash = Math.imul(leftId, 0x9e3779b1) ^ Math.imul(rightId, 0x85ebca6b); // primes of xxHash
    hash ^= hash >>> 15;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & mask;
      const rank = this.slots[slot];
      if (rank < 0 || (this.leftIds[rank] === leftId && this.rightIds[rank] === rightId)) return slot;
    }
    return -1;
  }
}

function longest(table: StringTable): number {
  let length = 0;
  for (let i = 0; i < table.count; i++) length = Math.max(length, table.offsets[i + 1] - table.offsets[i]);
  return length;
}
