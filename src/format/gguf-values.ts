// Metadata values of a GGUF file: thirteen types, strings and flat arrays. Part of gguf-header.ts, which
// draws the layout.

import { StringTable } from '../base/string-table.ts';
import type { HeaderReader } from './header-reader.ts';

/** Types of metadata values by their number in the file. */
export const GGUF_TYPES = [
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'UINT32',
  'INT32',
  'FLOAT32',
  'BOOL',
  'STRING',
  'ARRAY',
  'UINT64',
  'INT64',
  'FLOAT64',
] as const;

export type GgufType = (typeof GGUF_TYPES)[number];

/** Numbers of an array in their own width; booleans are bytes 0 and 1. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array;

export interface GgufArray {
  readonly elementType: GgufType;
  readonly count: number;
  readonly values: StringTable | GgufNumbers;
}

/** One metadata value. 64-bit integers are numbers up to 2^53 - 1 and bigints beyond. */
export interface GgufValue {
  readonly type: GgufType;
  readonly value: number | bigint | boolean | string | GgufArray;
  /** Where the type of this value stands in the file. */
  readonly offset: number;
  /** Type and value as stored, for copying into another file. */
  readonly encoded: Uint8Array;
}

function readType(read: HeaderReader, field: string): GgufType {
  const offset = read.at;
  const number = read.u32(field);
  if (number >= GGUF_TYPES.length)
    throw read.error(`expected a type from 0 to 12, got ${number}`, field, offset);
  return GGUF_TYPES[number];
}

/** The type and the value of the key that was read last. */
export function readValue(read: HeaderReader, key: string): GgufValue {
  const offset = read.at;
  const type = readType(read, key);
  const value = type === 'ARRAY' ? readArray(read, key) : readScalar(read, type, key);
  return { type, value, offset, encoded: read.since(offset) };
}

function readScalar(read: HeaderReader, type: GgufType, key: string): number | bigint | boolean | string {
  if (type === 'STRING') return readString(read, key);
  const offset = read.at;
  const value = numbersOf(type, read.bytes(ELEMENTS[type as NumberType].BYTES_PER_ELEMENT, key))[0];
  if (type === 'BOOL') {
    if (value > 1) throw read.error(`expected 0 or 1, got ${value}`, key, offset);
    return value === 1;
  }
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

type NumberType = Exclude<GgufType, 'STRING' | 'ARRAY'>;

const ELEMENTS = {
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  UINT32: Uint32Array,
  INT32: Int32Array,
  FLOAT32: Float32Array,
  BOOL: Uint8Array,
  UINT64: BigUint64Array,
  INT64: BigInt64Array,
  FLOAT64: Float64Array,
} as const satisfies Record<NumberType, unknown>;

/** A copy of little-endian numbers, aligned. */
function numbersOf(type: GgufType, bytes: Uint8Array): GgufNumbers {
  return new ELEMENTS[type as NumberType](bytes.slice().buffer);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readString(read: HeaderReader, field: string): string {
  const length = read.count(field, 1);
  const offset = read.at;
  try {
    return utf8.decode(read.bytes(length, field));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw read.error('expected UTF-8', field, offset);
  }
}

function readArray(read: HeaderReader, key: string): GgufArray {
  const offset = read.at;
  const elementType = readType(read, key);
  if (elementType === 'ARRAY') throw read.error('expected no array inside an array', key, offset);
  if (elementType === 'STRING') {
    const count = read.count(key, 8);
    return { elementType, count, values: readStrings(read, key, count) };
  }
  const width = ELEMENTS[elementType].BYTES_PER_ELEMENT;
  const count = read.count(key, width);
  const valuesOffset = read.at;
  const values = numbersOf(elementType, read.bytes(count * width, key));
  const wrong = elementType === 'BOOL' ? (values as Uint8Array).findIndex((value) => value > 1) : -1;
  if (wrong >= 0) throw read.error(`expected 0 or 1, got ${values[wrong]}`, key, valuesOffset + wrong);
  return { elementType, count, values };
}

/** `count` strings; takes no more memory than they take in the file. */
function readStrings(read: HeaderReader, key: string, count: number): StringTable {
  const begin = read.at;
  const offsets = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) {
    const length = read.count(key, 1);
    read.skip(length, key);
    offsets[i + 1] = offsets[i] + length;
  }
  const encoded = read.since(begin);
  const table = new StringTable(new Uint8Array(offsets[count]), offsets);
  for (let i = 0; i < count; i++) {
    const from = offsets[i] + 8 * (i + 1);
    table.bytes.set(encoded.subarray(from, from + offsets[i + 1] - offsets[i]), offsets[i]);
  }
  const wrong = findInvalidUtf8(table);
  if (wrong >= 0)
    throw read.error(`expected UTF-8 in string ${wrong}`, key, begin + offsets[wrong] + 8 * (wrong + 1));
  return table;
}

/**
 * Index of the first string that is no UTF-8, or -1. All bytes in a row are valid exactly when each string
 * is, unless a character runs over a border; then the later string begins with a continuation byte.
 */
function findInvalidUtf8({ bytes, offsets, count }: StringTable): number {
  const isValid = (part: Uint8Array) => {
    try {
      utf8.decode(part);
      return true;
    } catch {
      return false;
    }
  };
  const isSplit = (i: number) => offsets[i] < offsets[i + 1] && (bytes[offsets[i]] & 0xc0) === 0x80;
  let suspect = isValid(bytes) ? -1 : 0;
  for (let i = 0; i < count && suspect < 0; i++) if (isSplit(i)) suspect = 0;
  if (suspect < 0) return -1;
  for (let i = 0; i < count; i++) if (!isValid(bytes.subarray(offsets[i], offsets[i + 1]))) return i;
  return -1;
}
