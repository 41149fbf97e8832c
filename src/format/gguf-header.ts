// The head of a GGUF file: key-value metadata and the table of tensors. What they mean is known in gguf.ts.
//
//     | 'GGUF' | version: u32 | tensor_count: u64 | kv_count: u64 |
//     | key: string | type: u32 | value |                                            kv_count times
//     | name: string | n_dims: u32 | dims: u64 each | type: u32 | offset: u64 |      tensor_count times
//     | padding to the alignment | tensor bytes, each padded to the alignment |
//
// A string is a u64 length and UTF-8; an array is a u32 element type, a u64 count and the elements; numbers
// are little-endian. Source: docs/gguf.md of ggml. Where it and llama.cpp's reader disagree, this one takes
//   keys and names         1 to 65,535 and 1 to 64 printable ASCII characters, of any case; no duplicates
//   booleans               0 and 1 only (as the text)
//   nested arrays          refused (as llama.cpp)
//   general.alignment      a UINT32 power of two from 8 to 65,536 (both rules at once)
//   dimensions             1 to 4, none of them zero (llama.cpp takes empty tensors; no model here has one)
//   tensor offsets         exactly one after the other, padded (as llama.cpp)
//   after the last tensor  padding may be missing, other bytes may follow; padding may hold anything

import { byteLength, DTYPES, type DType } from '../base/dtype.ts';
import { FormatError } from '../base/errors.ts';
import { type GgufValue, readValue } from './gguf-values.ts';
import { type HeaderReader, readGrowing } from './header-reader.ts';
import type { Source } from './source.ts';

/** One line of the table of tensors. */
export interface GgufTensor {
  /** As in the file, such as `blk.0.attn_q.weight`. */
  readonly name: string;
  readonly dtype: DType;
  /** Row-major, last axis contiguous: the file's dimensions in reverse. */
  readonly shape: readonly number[];
  /** Byte offset in the file, and bytes without padding. */
  readonly offset: number;
  readonly byteLength: number;
  /** Byte offset of this line in the file. */
  readonly recordOffset: number;
  /** The shard that it lies in, where that is not the file of the header. */
  readonly source?: Source;
}

export interface GgufHeader {
  readonly file: string;
  readonly version: number;
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Byte offset of the first tensor. */
  readonly tensorsOffset: number;
}

/** Numbers of the tensor types in the file; what is not here has no decoder. */
export const GGUF_DTYPES: Readonly<Record<DType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  IQ4_NL: 20,
  F64: 28,
  BF16: 30,
};

const DTYPE_BY_NUMBER = new Map(Object.entries(GGUF_DTYPES).map(([dtype, n]) => [n, dtype as DType]));

/** Bytes of the shortest key-value pair (a one-letter key and a byte) and of the shortest tensor line. */
const LEAST_PAIR_BYTES = 8 + 1 + 4 + 1;
const LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

/** Longest key by the text of the format, longest tensor name, and number of axes. */
const MAX_KEY_BYTES = 65_535;
const MAX_NAME_BYTES = 64;
const MAX_DIMS = 4;

/** Most keys and most tensors, ten times those of 512 layers: their objects stay a few megabytes. */
const MAX_RECORDS = 65_536;

const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 65_536;

/**
 * Reads metadata and the table of tensors, and none of the weights.
 *
 * @throws FormatError with file, field and byte offset for everything that is not a GGUF file of version 2
 * or 3
 */
export function readGgufHeader(source: Source): Promise<GgufHeader> {
  return readGrowing(source, parseHeader);
}

function parseHeader(read: HeaderReader): GgufHeader {
  checkMagic(read);
  const versionOffset = read.at;
  const version = read.u32('version');
  if (version !== 2 && version !== 3) {
    const swapped = version === 0x03000000 ? ' (a big-endian file)' : '';
    throw read.error(`expected 2 or 3, got ${version}${swapped}`, 'version', versionOffset);
  }
  const tensorCount = readRecordCount(read, 'tensor_count', LEAST_TENSOR_BYTES);
  const pairCount = readRecordCount(read, 'kv_count', LEAST_PAIR_BYTES);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const keyOffset = read.at;
    const key = readName(read, `key ${i}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw read.error('expected each key once, got it again', key, keyOffset);
    metadata.set(key, readValue(read, key));
  }
  const alignment = alignmentOf(read, metadata);
  const lines = [];
  for (let i = 0; i < tensorCount; i++) lines.push(readTensorLine(read, i));
  const tensorsOffset = padded(read.at, alignment);
  const tensors = placeTensors(read, lines, tensorsOffset, alignment);
  return { file: read.file, version, alignment, metadata, tensors, tensorsOffset };
}

function readRecordCount(read: HeaderReader, field: string, leastBytes: number): number {
  const offset = read.at;
  const count = read.count(field, leastBytes);
  if (count > MAX_RECORDS) throw read.error(`expected at most ${MAX_RECORDS}, got ${count}`, field, offset);
  return count;
}

/** What a file that is no GGUF file may be instead, by its first bytes, and what to do then. */
const OTHER_FILES: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer; fetch the file itself with git lfs pull'],
  [/^\s*<(!doctype|html|\?xml)/i, 'a web page; the download went wrong'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the first bytes of the formats
  [/^\x1f\x8b|^PK\x03\x04|^\x28\xb5\x2f\xfd|^BZh/, 'an archive; unpack it first'],
  [/^.{6}\0\0\{/s, 'a safetensors file; give its folder with config.json instead'],
];

function checkMagic(read: HeaderReader): void {
  const start = read.peek(64);
  const text = String.fromCharCode(...start);
  if (text.startsWith('GGUF')) {
    read.skip(4, 'magic');
    return;
  }
  const other = OTHER_FILES.find(([pattern]) => pattern.test(text));
  const got = start.length < 4 ? `${start.length} bytes` : JSON.stringify(text.slice(0, 4));
  throw read.error(`expected a GGUF file, got ${other ? other[1] : got}`, 'magic', 0);
}

const latin = new TextDecoder('latin1');

/** A key or tensor name. */
function readName(read: HeaderReader, field: string, maxBytes: number): string {
  const offset = read.at;
  const length = read.count(field, 1);
  if (length < 1 || length > maxBytes) {
    throw read.error(`expected 1 to ${maxBytes} bytes, got ${length}`, field, offset);
  }
  const bytes = read.bytes(length, field);
  const wrong = bytes.findIndex((byte) => byte < 0x21 || byte > 0x7e);
  if (wrong >= 0) {
    throw read.error(`expected printable ASCII, got byte ${bytes[wrong]}`, field, offset + 8 + wrong);
  }
  return latin.decode(bytes);
}

function alignmentOf(read: HeaderReader, metadata: ReadonlyMap<string, GgufValue>): number {
  const entry = metadata.get('general.alignment');
  if (!entry) return DEFAULT_ALIGNMENT;
  const { type, value, offset } = entry;
  const isPower = typeof value === 'number' && (value & (value - 1)) === 0;
  if (type !== 'UINT32' || !isPower || value < 8 || value > MAX_ALIGNMENT) {
    const expected = `a UINT32 power of two from 8 to ${MAX_ALIGNMENT}`;
    throw read.error(`expected ${expected}, got ${type} ${String(value)}`, 'general.alignment', offset);
  }
  return value;
}

interface TensorLine {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly recordOffset: number;
  /** From the start of the tensor bytes, as the file says. */
  readonly relativeOffset: number;
}

function readTensorLine(read: HeaderReader, i: number): TensorLine {
  const recordOffset = read.at;
  const name = readName(read, `tensor ${i}: name`, MAX_NAME_BYTES);
  const field = `tensor ${name}`;
  const { shape, numValues } = readShape(read, `${field}: shape`);
  const typeOffset = read.at;
  const typeNumber = read.u32(`${field}: type`);
  const dtype = DTYPE_BY_NUMBER.get(typeNumber);
  if (!dtype) {
    const known = Object.keys(GGUF_DTYPES).join(', ');
    throw read.error(
      `expected a type among ${known}, got number ${typeNumber}`,
      `${field}: type`,
      typeOffset,
    );
  }
  const { blockSize } = DTYPES[dtype];
  const rowSize = shape[shape.length - 1];
  if (rowSize % blockSize !== 0) {
    const message = `expected rows of a multiple of ${blockSize} for ${dtype}, got ${rowSize}`;
    throw read.error(message, `${field}: shape`, recordOffset);
  }
  const relativeOffset = read.u64(`${field}: offset`);
  return { name, dtype, shape, byteLength: byteLength(dtype, numValues), recordOffset, relativeOffset };
}

function readShape(read: HeaderReader, field: string): { shape: number[]; numValues: number } {
  const offset = read.at;
  const numDims = read.u32(field);
  if (numDims < 1 || numDims > MAX_DIMS) {
    throw read.error(`expected 1 to ${MAX_DIMS} dimensions, got ${numDims}`, field, offset);
  }
  const shape: number[] = [];
  // 8 bytes a value is the widest format, so that every number of bytes stays exact as well.
  const maxValues = Number.MAX_SAFE_INTEGER / 8;
  let numValues = 1;
  for (let axis = 0; axis < numDims; axis++) {
    const dimOffset = read.at;
    const size = read.u64(field);
    if (size < 1 || size > maxValues / numValues) {
      throw read.error(`expected sizes from 1 with a product below 2^50, got ${size}`, field, dimOffset);
    }
    numValues *= size;
    shape.unshift(size);
  }
  return { shape, numValues };
}

/** Checks that the tensors lie one after the other, inside the file, each name once. */
function placeTensors(
  read: HeaderReader,
  lines: readonly TensorLine[],
  tensorsOffset: number,
  alignment: number,
): GgufTensor[] {
  const names = new Set<string>();
  let expectedOffset = 0;
  return lines.map(({ relativeOffset, ...line }) => {
    const field = `tensor ${line.name}`;
    if (names.has(line.name)) {
      throw read.error('expected each name once, got it again', field, line.recordOffset);
    }
    names.add(line.name);
    if (relativeOffset !== expectedOffset) {
      const message = `expected ${expectedOffset} (after the tensor before), got ${relativeOffset}`;
      throw read.error(message, `${field}: offset`, line.recordOffset);
    }
    const offset = tensorsOffset + relativeOffset;
    if (offset + line.byteLength > read.fileSize) {
      throw new FormatError(
        `expected ${line.byteLength} bytes at ${offset}, got the end of the file at ${read.fileSize}`,
        { file: read.file, field, offset: line.recordOffset },
      );
    }
    expectedOffset = padded(relativeOffset + line.byteLength, alignment);
    return { ...line, offset };
  });
}

/** The next multiple of `alignment`. */
export function padded(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
