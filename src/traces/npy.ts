// NumPy's array files: `.npy` (one array) and `.npz` (a zip of them), read strictly from any source of bytes.
// Sizes are checked against the file before memory is asked for; every fault is a FormatError with its place.

import { FormatError } from '../base/errors.ts';
import { f16ToNumber } from '../base/f16.ts';
import { shown } from '../base/shown.ts';
import type { Source } from '../format/source.ts';

/** An array of a foreign file, widened to float64. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file names it, such as `<f4`. */
  readonly dtype: string;
  readonly values: Float64Array;
}

/** What an entry of a zip may grow to: over any trace of a 135M model, under what breaks a runtime. */
const MAX_ENTRY_BYTES = 2 ** 31;
/** All arrays of a file together, as the float64 that they become; what a small file may grow to. */
const MAX_VALUES_BYTES = 2 ** 31;
const MAX_SMALL_BYTES = 2 ** 28;
/** Beyond that, for each byte of the file: numbers of a trace do not pack so well. */
const MAX_GROWTH = 64;
/** Deflate cannot do better: 258 bytes for two bits. */
const MAX_DEFLATE_RATIO = 1032;
const MAX_ENTRIES = 65_535;
const MAX_DIMS = 8;

type Reader = (view: DataView, at: number) => number;

/** Element types by numpy's `descr`: bytes of one, and how to read it. */
const ELEMENTS: Readonly<Record<string, { bytes: number; read: Reader }>> = {
  '<f8': { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  '<f4': { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  '<f2': { bytes: 2, read: (view, at) => f16ToNumber(view.getUint16(at, true)) },
  '<i8': { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  '<i4': { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  '<i2': { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  '|i1': { bytes: 1, read: (view, at) => view.getInt8(at) },
  '|u1': { bytes: 1, read: (view, at) => view.getUint8(at) },
  '|b1': { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/**
 * One `.npy` array (NEP 1: magic, version, header length, header, raw values).
 *
 * @throws FormatError for anything but a plain array of known numbers that fills the bytes exactly
 */
export function readNpy(
  bytes: Uint8Array,
  file: string,
  name: string,
  maxValuesBytes = MAX_VALUES_BYTES,
): NamedArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (message: string, offset: number): never => {
    throw new FormatError(message, { file, field: name, offset });
  };
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 12 || magic.some((byte, at) => bytes[at] !== byte)) {
    fail('expected the magic \\x93NUMPY, got something else', 0);
  }
  const version = bytes[6];
  if (version < 1 || version > 3) fail(`expected version 1, 2 or 3, got ${version}`, 6);
  const headerStart = version === 1 ? 10 : 12;
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerStart + headerLength > bytes.length) fail('the header is longer than the file', 8);
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerStart, headerStart + headerLength));
  const descr = /'descr':\s*'([^']{2,4})'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) {
    return fail("expected a dict with 'descr', 'fortran_order' and 'shape'", headerStart);
  }
  const element = Object.hasOwn(ELEMENTS, descr) ? ELEMENTS[descr] : undefined;
  if (!element)
    return fail(`expected one of ${Object.keys(ELEMENTS).join(' ')}, got ${shown(descr)}`, headerStart);
  const shape = dims.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (shape.length > MAX_DIMS) fail(`expected at most ${MAX_DIMS} axes, got ${shape.length}`, headerStart);
  const count = shape.reduce((product, size) => product * size, 1);
  const begin = headerStart + headerLength;
  if (count * element.bytes !== bytes.length - begin) {
    fail(`expected ${count} values of ${element.bytes} bytes, got ${bytes.length - begin} bytes`, begin);
  }
  if (8 * count > maxValuesBytes) {
    fail(`expected at most ${maxValuesBytes} bytes of float64, got ${8 * count}`, headerStart);
  }
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = element.read(view, begin + i * element.bytes);
  return { name, shape, dtype: descr, values: order === 'True' ? fromColumnMajor(values, shape) : values };
}

/** The same array with its last axis contiguous. */
function fromColumnMajor(values: Float64Array, shape: readonly number[]): Float64Array {
  const strides: number[] = [];
  shape.reduce((stride, size, axis) => {
    strides[axis] = stride;
    return stride * size;
  }, 1);
  return values.map((_, at) => {
    let from = 0;
    let rest = at;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return values[from];
  });
}

/** Every array of a `.npz` file, under its name without `.npy`. */
export async function readNpz(source: Source): Promise<NamedArray[]> {
  const arrays: NamedArray[] = [];
  const seen = new Set<string>();
  const entries = (await zipEntries(source)).filter((entry) => entry.name.endsWith('.npy'));
  let left = Math.min(MAX_VALUES_BYTES, Math.max(MAX_SMALL_BYTES, MAX_GROWTH * source.size));
  checkPlaces(entries, source, left);
  for (const entry of entries) {
    const name = entry.name.slice(0, -'.npy'.length);
    if (seen.has(name)) {
      throw new FormatError('expected every name once', {
        file: source.name,
        field: name,
        offset: entry.offset,
      });
    }
    seen.add(name);
    const array = readNpy(await entryBytes(source, entry), source.name, name, left);
    left -= array.values.byteLength;
    arrays.push(array);
  }
  return arrays;
}

/** Entries side by side in the file, whose contents fit in memory: a few bytes may not stand for gigabytes. */
function checkPlaces(entries: readonly ZipEntry[], source: Source, maxBytes: number): void {
  const inOrder = [...entries].sort((a, b) => a.offset - b.offset);
  for (const [i, { name, offset, packedBytes }] of inOrder.entries()) {
    const next = inOrder[i + 1]?.offset ?? source.size;
    if (offset + 30 + packedBytes <= next) continue;
    throw new FormatError('expected entries that do not overlap', { file: source.name, field: name, offset });
  }
  const sum = entries.reduce((total, { bytes }) => total + bytes, 0);
  if (sum > maxBytes) {
    throw new FormatError(`expected arrays of at most ${maxBytes} bytes together, got ${sum}`, {
      file: source.name,
    });
  }
}

interface ZipEntry {
  readonly name: string;
  /** Of the local header. */
  readonly offset: number;
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
}

/** The central directory of a zip file (APPNOTE 4.3.12 and 4.3.16); archives over 4 GB are refused. */
async function zipEntries(source: Source): Promise<ZipEntry[]> {
  const fail = (message: string, offset: number): never => {
    throw new FormatError(message, { file: source.name, field: 'zip directory', offset });
  };
  const tailLength = Math.min(source.size, 65_557);
  const tailStart = source.size - tailLength;
  const tail = await source.read(tailStart, tailLength);
  const tailView = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let end = tailLength - 22;
  while (end >= 0 && tailView.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return fail('expected the end record of a zip file, got none', tailStart);
  const count = tailView.getUint16(end + 10, true);
  const size = tailView.getUint32(end + 12, true);
  const start = tailView.getUint32(end + 16, true);
  if (count === MAX_ENTRIES || start + size > tailStart + end) {
    return fail('the directory is outside the file, or the archive is over 4 GB', tailStart + end);
  }
  const directory = await source.read(start, size);
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    if (at + 46 > size || view.getUint32(at, true) !== 0x02014b50) {
      return fail(`expected entry ${n} of ${count} here`, start + at);
    }
    const nameLength = view.getUint16(at + 28, true);
    const entryLength = 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (at + entryLength > size) return fail(`entry ${n} is cut short`, start + at);
    entries.push({
      name: new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      packedBytes: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at += entryLength;
  }
  return entries;
}

async function entryBytes(source: Source, entry: ZipEntry): Promise<Uint8Array> {
  const fail = (message: string): never => {
    throw new FormatError(message, { file: source.name, field: entry.name, offset: entry.offset });
  };
  const { method, packedBytes, bytes, offset } = entry;
  const limit = Math.min(MAX_ENTRY_BYTES, Math.max(64, packedBytes) * MAX_DEFLATE_RATIO);
  if (bytes > limit) fail(`expected at most ${limit} bytes of ${packedBytes} packed, got ${bytes}`);
  const header = await source.read(offset, 30);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== 0x04034b50) fail('expected the header of an entry here');
  const begin = offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const packed = await source.read(begin, packedBytes);
  if (method === 0) return packed.length === bytes ? packed : fail(`expected ${bytes} bytes stored`);
  if (method !== 8) return fail(`expected a stored or deflated entry, got method ${method}`);
  return (await inflated(packed, bytes)) ?? fail(`expected ${bytes} bytes when inflated, got other`);
}

/** Inflates raw deflate of known size; undefined when it is broken or of another size. */
async function inflated(packed: Uint8Array, size: number): Promise<Uint8Array | undefined> {
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > size) return undefined;
      pieces.push(value);
    }
  } catch {
    return undefined;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (total !== size) return undefined;
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}
