// A cursor over the first bytes of a binary file. Every length is held against the bytes that are left in the
// file before anything is read or made; a header that is longer than what was fetched is fetched further.

import { FormatError } from '../base/errors.ts';
import type { Source } from './source.ts';

/** Bytes fetched at first: enough for small files; the header of SmolLM2 takes 1.8 MB. */
const FIRST_BYTES = 2 ** 18;

/** Longest header that is read, the limit of safetensors too: twelve times that of Llama 3.2. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Thrown by HeaderReader when a header goes on beyond the bytes that were fetched; caught in readGrowing. */
class HeaderGoesOn {
  readonly neededBytes: number;

  constructor(neededBytes: number) {
    this.neededBytes = neededBytes;
  }
}

/**
 * Parses the start of a file; where it turns out to be longer than what is there, eight times as
 * much is fetched.
 */
export async function readGrowing<Header>(
  source: Source,
  parse: (read: HeaderReader) => Header,
): Promise<Header> {
  let bytes = await source.read(0, Math.min(FIRST_BYTES, source.size));
  for (;;) {
    try {
      return parse(new HeaderReader(bytes, source));
    } catch (reason) {
      if (!(reason instanceof HeaderGoesOn)) throw reason;
      const wanted = Math.max(8 * bytes.length, reason.neededBytes);
      const longer = new Uint8Array(Math.min(wanted, source.size, MAX_HEADER_BYTES));
      longer.set(bytes);
      longer.set(await source.read(bytes.length, longer.length - bytes.length), bytes.length);
      bytes = longer;
    }
  }
}

/** Reads little-endian values one after the other. `field` names what is read, for the message. */
export class HeaderReader {
  /** Byte offset of the next value. */
  at = 0;
  readonly file: string;
  readonly fileSize: number;
  private readonly fetched: Uint8Array;
  private readonly view: DataView;

  constructor(fetched: Uint8Array, source: { readonly name: string; readonly size: number }) {
    this.file = source.name;
    this.fileSize = source.size;
    this.fetched = fetched;
    this.view = new DataView(fetched.buffer, fetched.byteOffset, fetched.byteLength);
  }

  /** The error for a fault in `field`, seen at byte `offset`. */
  error(message: string, field: string, offset: number): FormatError {
    return new FormatError(message, { file: this.file, field, offset });
  }

  /** Moves over `length` bytes and tells where they begin. */
  skip(length: number, field: string): number {
    const begin = this.at;
    if (length > this.fileSize - begin) {
      throw this.error(`expected ${length} bytes here, got the end at ${this.fileSize}`, field, begin);
    }
    if (begin + length > MAX_HEADER_BYTES) {
      throw this.error(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got more`, field, begin);
    }
    if (begin + length > this.fetched.length) throw new HeaderGoesOn(begin + length);
    this.at = begin + length;
    return begin;
  }

  u32(field: string): number {
    return this.view.getUint32(this.skip(4, field), true);
  }

  u64(field: string): number {
    const begin = this.skip(8, field);
    const value = this.view.getUint32(begin, true) + 2 ** 32 * this.view.getUint32(begin + 4, true);
    if (!Number.isSafeInteger(value)) {
      const exact = this.view.getBigUint64(begin, true);
      throw this.error(`expected a number below 2^53, got ${exact}`, field, begin);
    }
    return value;
  }

  /** A u64 that counts things of at least `leastBytes` each, all of which the rest of the file must hold. */
  count(field: string, leastBytes: number): number {
    const begin = this.at;
    const count = this.u64(field);
    const left = this.fileSize - this.at;
    if (count * leastBytes > left) {
      throw this.error(`expected at most ${left} bytes, got ${count} times ${leastBytes}`, field, begin);
    }
    return count;
  }

  /** The next `length` bytes, a view. */
  bytes(length: number, field: string): Uint8Array {
    const begin = this.skip(length, field);
    return this.fetched.subarray(begin, begin + length);
  }

  /** The bytes from `begin` to here, a view. */
  since(begin: number): Uint8Array {
    return this.fetched.subarray(begin, this.at);
  }

  /** The next bytes, at most `length`, without moving. */
  peek(length: number): Uint8Array {
    return this.fetched.subarray(this.at, this.at + length);
  }
}
