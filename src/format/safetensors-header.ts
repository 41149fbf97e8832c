// The header of a safetensors file, read strictly. JSON.parse would keep the last of two equal keys, round
// large numbers and take 1e3 for a whole number; the format allows none of that, so the few forms it has
// are scanned here.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';

/** What `__metadata__` and one tensor's entry say, as they stand. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, HeaderEntry>;
}

export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly dataOffsets: readonly [number, number];
  /** Where the entry begins in the file. */
  readonly offset: number;
}

/** More axes than any tensor has; bounds the work on a shape. */
const MAX_AXES = 8;
/** Most tensors and most keys of metadata: their objects stay a few megabytes. */
const MAX_RECORDS = 65_536;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * @param bytes  the header alone: `{`, entries, `}`, then white space at most
 * @param base   where the header begins in the file, for messages
 * @throws FormatError with the byte at which the header leaves the format
 */
export function parseSafetensorsHeader(bytes: Uint8Array, base: number, file: string): SafetensorsHeader {
  const scanner = new HeaderScanner(bytes, base, file);
  const metadata = new Map<string, string>();
  const tensors = new Map<string, HeaderEntry>();
  let hasMetadata = false;
  if (bytes[0] !== OPEN_BRACE) scanner.fail('expected "{"');
  scanner.members((name, at) => {
    if (name === '__metadata__') {
      if (hasMetadata) scanner.fail('expected each name once, got __metadata__ twice', at);
      hasMetadata = true;
      scanner.members((key, keyAt) => {
        if (metadata.has(key)) scanner.fail(`expected each key once, got ${shown(key)} twice`, keyAt);
        if (metadata.size === MAX_RECORDS) scanner.fail(`expected at most ${MAX_RECORDS} keys`, keyAt);
        metadata.set(key, scanner.string());
      });
    } else {
      if (tensors.has(name)) scanner.fail(`expected each name once, got ${shown(name)} twice`, at);
      if (tensors.size === MAX_RECORDS) scanner.fail(`expected at most ${MAX_RECORDS} tensors`, at);
      tensors.set(name, readEntry(scanner, name));
    }
  });
  scanner.end();
  return { metadata, tensors };
}

function readEntry(scanner: HeaderScanner, name: string): HeaderEntry {
  const offset = scanner.offset;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let dataOffsets: number[] | undefined;
  scanner.members((key, at) => {
    const twice = () => scanner.fail(`expected one ${key}, got two`, at, `tensor ${name}`);
    if (key === 'dtype') dtype = dtype === undefined ? scanner.string() : twice();
    else if (key === 'shape') shape = shape === undefined ? scanner.wholeNumbers(MAX_AXES) : twice();
    else if (key === 'data_offsets')
      dataOffsets = dataOffsets === undefined ? scanner.wholeNumbers(2) : twice();
    else scanner.fail(`expected dtype, shape or data_offsets, got ${shown(key)}`, at, `tensor ${name}`);
  });
  if (dtype === undefined || shape === undefined || dataOffsets?.length !== 2) {
    return scanner.fail('expected dtype, shape and two data_offsets', offset, `tensor ${name}`);
  }
  return { dtype, shape, dataOffsets: [dataOffsets[0], dataOffsets[1]], offset };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Walks over the bytes of a header. */
class HeaderScanner {
  private readonly bytes: Uint8Array;
  private readonly base: number;
  private readonly file: string;
  private at = 0;

  constructor(bytes: Uint8Array, base: number, file: string) {
    this.bytes = bytes;
    this.base = base;
    this.file = file;
  }

  /** Byte offset in the file. */
  get offset(): number {
    return this.base + this.at;
  }

  fail(message: string, offset = this.offset, field = 'header'): never {
    throw new FormatError(message, { file: this.file, field, offset });
  }

  /** `{ "key": value, … }`: calls `read` for each key, with the scanner before the value. */
  members(read: (key: string, offset: number) => void): void {
    this.expect(OPEN_BRACE, '{');
    if (this.skip(CLOSE_BRACE)) return;
    do {
      this.white();
      const offset = this.offset;
      const key = this.string();
      this.expect(COLON, ':');
      read(key, offset);
    } while (this.skip(COMMA));
    this.expect(CLOSE_BRACE, '}');
  }

  string(): string {
    this.white();
    const begin = this.at;
    if (this.bytes[this.at] !== QUOTE) this.fail('expected a string');
    for (this.at++; this.bytes[this.at] !== QUOTE; this.at++) {
      if (this.at >= this.bytes.length) this.fail('expected the end of a string', this.base + begin);
      if (this.bytes[this.at] === BACKSLASH) this.at++;
    }
    this.at++;
    try {
      return JSON.parse(utf8.decode(this.bytes.subarray(begin, this.at)));
    } catch {
      return this.fail('expected a JSON string in UTF-8', this.base + begin);
    }
  }

  /** `[1, 2, …]` of at most `most` whole numbers, written as digits without sign, point or exponent. */
  wholeNumbers(most: number): number[] {
    const numbers: number[] = [];
    this.expect(OPEN_BRACKET, '[');
    if (this.skip(CLOSE_BRACKET)) return numbers;
    do {
      if (numbers.length === most) this.fail(`expected at most ${most} numbers`);
      numbers.push(this.wholeNumber());
    } while (this.skip(COMMA));
    this.expect(CLOSE_BRACKET, ']');
    return numbers;
  }

  /** Nothing but white space may be left. */
  end(): void {
    this.white();
    if (this.at < this.bytes.length) this.fail('expected the end of the header');
  }

  private wholeNumber(): number {
    this.white();
    const begin = this.at;
    let value = 0;
    while (this.bytes[this.at] >= 0x30 && this.bytes[this.at] <= 0x39 && value <= Number.MAX_SAFE_INTEGER) {
      value = value * 10 + this.bytes[this.at++] - 0x30;
    }
    const isPadded = this.at - begin > 1 && this.bytes[begin] === 0x30;
    if (this.at === begin || isPadded || value > Number.MAX_SAFE_INTEGER) {
      this.fail('expected a whole number below 2^53', this.base + begin);
    }
    return value;
  }

  private expect(byte: number, name: string): void {
    if (!this.skip(byte)) this.fail(`expected "${name}"`);
  }

  private skip(byte: number): boolean {
    this.white();
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  private white(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }
}
