// The vocabulary in both directions: id to bytes and bytes to id, in typed arrays. 49,152 tokens take 1.1
// MB here; a Map of strings would take ten times that. Merging (bpe.ts) works on ids and asks here for
// single bytes only.

import { FormatError } from '../base/errors.ts';
import type { StringTable } from '../base/string-table.ts';
import { fromAlphabet, toAlphabet } from './byte-alphabet.ts';

/** Most tokens that a vocabulary may have: four times the largest in use, so that table sizes stay small. */
export const MAX_VOCAB_SIZE = 2 ** 20;

/**
 * Longest run of occupied slots tried for one key. A good hash in a table at most half full stays below 100;
 * more is a file made to be slow.
 */
export const MAX_PROBES = 1024;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Smallest power of two that is at least twice `count`: the size of a hash table that is at most half full.
 */
export function hashTableSize(count: number): number {
  let size = 8;
  while (size < 2 * count) size *= 2;
  return size;
}

export class Vocabulary {
  /** Number of ids, including those without a token. */
  readonly size: number;
  /** [256]: the id of each single byte, or -1 where the vocabulary has no token for it. */
  readonly byteIds = new Int32Array(256).fill(-1);

  /** Token id is `bytes[offsets[id] .. offsets[id + 1])`. */
  private readonly bytes: Uint8Array;
  private readonly offsets: Uint32Array;
  /** Ids by hash of their bytes, with linear probing; -1 is free. Verbatim tokens are not in it. */
  private readonly slots: Int32Array;
  /** Tokens kept as they are written: the added ones, and any that is not in the byte alphabet. */
  private readonly verbatimIds = new Map<string, number>();
  private readonly isVerbatim: Uint8Array;

  /**
   * @param tokens   token texts by id, in the byte alphabet; the empty text is an id without a token
   * @param addedIds ids of added tokens, whose texts mean themselves
   * @throws FormatError  when there are too many tokens, or two with one text
   */
  constructor(tokens: StringTable, addedIds: Iterable<number>, file: string) {
    const refuse = (message: string): never => {
      throw new FormatError(message, { file, field: 'vocabulary' });
    };
    if (tokens.count > MAX_VOCAB_SIZE) {
      refuse(`expected at most ${MAX_VOCAB_SIZE} tokens, got ${tokens.count}`);
    }
    this.size = tokens.count;
    this.isVerbatim = new Uint8Array(tokens.count);
    for (const id of addedIds) this.isVerbatim[id] = 1;
    // A token in the alphabet is at least as long as the bytes it stands for, so the file's own
    // size is enough.
    const bytes = new Uint8Array(tokens.offsets[tokens.count] - tokens.offsets[0]);
    this.bytes = bytes;
    this.offsets = new Uint32Array(tokens.count + 1);
    this.slots = new Int32Array(hashTableSize(tokens.count)).fill(-1);
    let at = 0;
    for (let id = 0; id < tokens.count; id++) {
      const begin = tokens.offsets[id];
      const end = tokens.offsets[id + 1];
      let length = this.isVerbatim[id] ? -1 : fromAlphabet(tokens.bytes, begin, end, bytes, at);
      if (length < 0) {
        this.isVerbatim[id] = 1;
        length = end - begin;
        bytes.set(tokens.bytes.subarray(begin, end), at);
        this.verbatimIds.set(tokens.get(id), id);
      }
      this.offsets[id] = at;
      at += length;
      this.offsets[id + 1] = at;
      if (this.isVerbatim[id] || length === 0) continue;
      const slot = this.findSlot(bytes, at - length, at);
      if (slot < 0) refuse(`expected tokens that differ, got more than ${MAX_PROBES} with one hash`);
      if (this.slots[slot] >= 0) refuse(`token ${id}: expected a new text, got that of ${this.slots[slot]}`);
      this.slots[slot] = id;
      if (length === 1) this.byteIds[bytes[at - 1]] = id;
    }
  }

  /** Bytes that token `id` stands for, a view. */
  bytesAt(id: number): Uint8Array {
    return this.bytes.subarray(this.offsets[id], this.offsets[id + 1]);
  }

  /** Number of bytes that token `id` stands for. */
  byteLength(id: number): number {
    return this.offsets[id + 1] - this.offsets[id];
  }

  /** The token as vocabulary files write it: `Ġthe`, `<|im_end|>`. */
  textAt(id: number): string {
    const bytes = this.bytesAt(id);
    return this.isVerbatim[id] ? utf8Decoder.decode(bytes) : toAlphabet(bytes);
  }

  /** The id of a token as vocabulary files write it, or -1. */
  idOfText(text: string): number {
    const verbatim = this.verbatimIds.get(text);
    if (verbatim !== undefined) return verbatim;
    const utf8 = utf8Encoder.encode(text);
    const length = fromAlphabet(utf8, 0, utf8.length, utf8, 0);
    return length < 0 ? -1 : this.idOfBytes(utf8, 0, length);
  }

  /** What the vocabulary is made of. */
  tables(): readonly (Uint8Array | Uint32Array)[] {
    return [this.bytes.subarray(0, this.offsets[this.size]), this.offsets, this.isVerbatim];
  }

  /** The id of the token that stands for `source[begin, end)`, or -1. Added tokens are not found. */
  idOfBytes(source: Uint8Array, begin: number, end: number): number {
    const slot = begin < end ? this.findSlot(source, begin, end) : -1;
    return slot < 0 ? -1 : this.slots[slot];
  }

  /** The slot that holds these bytes, or the free one where they belong; -1 when the run is too long. */
  private findSlot(source: Uint8Array, begin: number, end: number): number {
    const mask = this.slots.length - 1;
    let hash = 0x811c9dc5; // FNV-1a, 32 bits
    for (let i = begin; i < end; i++) hash = Math.imul(hash ^ source[i], 0x01000193);
    hash ^= hash >>> 15; // the low bits of FNV depend on the low bits of the bytes only
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & mask;
      const id = this.slots[slot];
      if (id < 0 || this.holds(id, source, begin, end)) return slot;
    }
    return -1;
  }

  private holds(id: number, source: Uint8Array, begin: number, end: number): boolean {
    const offset = this.offsets[id];
    if (this.offsets[id + 1] - offset !== end - begin) return false;
    for (let i = begin; i < end; i++) if (this.bytes[offset + i - begin] !== source[i]) return false;
    return true;
  }
}
