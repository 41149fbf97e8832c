// safetensors files: eight bytes of header length, a JSON header, then tensors without holes. Strict, as
// the format's README asks: what a reader accepts here, every reader accepts. One file; hf.ts joins the
// shards of a folder.

import { DTYPES, type DType } from '../base/dtype.ts';
import { FormatError, UnsupportedError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import { decodeToF64 } from '../quant/decode.ts';
import { parseSafetensorsHeader } from './safetensors-header.ts';
import type { Source } from './source.ts';

/** Bytes of one value of each type that the format names. */
const VALUE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type SafetensorsDType = keyof typeof VALUE_BYTES;

/** One tensor: where its bytes are in the file. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  /** Row-major. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly byteLength: number;
}

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** An open file: what is in it is known, values are read when asked for. */
export class SafetensorsFile {
  readonly name: string;
  /** `__metadata__`, in an object without prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly source: Source;

  private constructor(
    source: Source,
    metadata: Record<string, string>,
    tensors: Map<string, SafetensorsEntry>,
  ) {
    this.name = source.name;
    this.source = source;
    this.metadata = metadata;
    this.tensors = tensors;
  }

  /**
   * Reads and checks the header; a source that is refused is closed.
   *
   * @throws FormatError for everything that the format forbids, with the byte at which it stands
   */
  static async open(source: Source): Promise<SafetensorsFile> {
    try {
      return await SafetensorsFile.read(source);
    } catch (error) {
      await source.close?.();
      throw error;
    }
  }

  private static async read(source: Source): Promise<SafetensorsFile> {
    const file = source.name;
    if (source.size < 8) {
      const field = 'header length';
      throw new FormatError(`expected at least 8 bytes, got ${source.size}`, { file, field, offset: 0 });
    }
    const start = await source.read(0, 8);
    const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
    if (length > BigInt(Math.min(MAX_HEADER_BYTES, source.size - 8)) || length < 2n) {
      const most = Math.min(MAX_HEADER_BYTES, source.size - 8);
      const message = `expected 2 to ${most} bytes of header, got ${length}; is this a safetensors file?`;
      throw new FormatError(message, { file, field: 'header length', offset: 0 });
    }
    if ((await source.read(8, 1))[0] !== 0x7b) {
      throw new FormatError('expected "{"', { file, field: 'header', offset: 8 });
    }
    const headerBytes = await source.read(8, Number(length));
    const header = parseSafetensorsHeader(headerBytes, 8, file);
    const base = 8 + Number(length);
    const entries = [...header.tensors].sort(
      ([, a], [, b]) => a.dataOffsets[0] - b.dataOffsets[0] || a.dataOffsets[1] - b.dataOffsets[1],
    );
    const tensors = new Map<string, SafetensorsEntry>();
    let next = 0;
    for (const [name, { dtype, shape, dataOffsets, offset }] of entries) {
      const fail = (message: string): never => {
        throw new FormatError(message, { file, field: `tensor ${name}`, offset });
      };
      if (!Object.hasOwn(VALUE_BYTES, dtype)) {
        fail(`expected one of ${Object.keys(VALUE_BYTES).join(', ')}, got ${shown(dtype)}`);
      }
      const [begin, end] = dataOffsets;
      let bytes: number = VALUE_BYTES[dtype as SafetensorsDType];
      for (const size of shape) {
        bytes *= size;
        if (!Number.isSafeInteger(bytes)) fail('expected a shape of fewer than 2^53 bytes');
      }
      if (begin !== next) fail(`expected to begin at ${next}, where the tensor before ends, got ${begin}`);
      if (end - begin !== bytes) fail(`expected ${bytes} bytes for its shape, got ${end - begin}`);
      if (base + end > source.size) fail(`expected to end within ${source.size - base} bytes, got ${end}`);
      tensors.set(name, {
        name,
        dtype: dtype as SafetensorsDType,
        shape,
        offset: base + begin,
        byteLength: bytes,
      });
      next = end;
    }
    if (base + next !== source.size) {
      const excess = source.size - base - next;
      const message = `expected the file to end after the last tensor, got ${excess} more bytes`;
      throw new FormatError(message, { file, field: 'tensor bytes', offset: base + next });
    }
    const metadata = Object.assign(Object.create(null), Object.fromEntries(header.metadata));
    return new SafetensorsFile(source, metadata, tensors);
  }

  /** Throws a RangeError that names some of the tensors there are. */
  entry(name: string): SafetensorsEntry {
    const entry = this.tensors.get(name);
    if (entry) return entry;
    const some = [...this.tensors.keys()].slice(0, 3).join(', ');
    throw new RangeError(`${this.name}: expected a tensor ${name}, got none; there are ${some} …`);
  }

  readBytes(name: string): Promise<Uint8Array> {
    const { offset, byteLength } = this.entry(name);
    return this.source.read(offset, byteLength);
  }

  /** All values of a tensor, widened exactly; whole numbers from 2^53 on lose their last digits. */
  async readTensorAsF64(name: string): Promise<Float64Array> {
    const { dtype, byteLength } = this.entry(name);
    const bytes = await this.readBytes(name);
    const values = new Float64Array(byteLength / VALUE_BYTES[dtype]);
    if (Object.hasOwn(DTYPES, dtype)) {
      decodeToF64(dtype as DType, bytes, 0, values, 0, values.length);
      return values;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const read = wholeReader(dtype, view, this.name);
    for (let i = 0; i < values.length; i++) values[i] = read(i);
    return values;
  }

  async close(): Promise<void> {
    await this.source.close?.();
  }
}

function wholeReader(dtype: SafetensorsDType, view: DataView, file: string): (index: number) => number {
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return (i) => view.getUint8(i);
    case 'I8':
      return (i) => view.getInt8(i);
    case 'I16':
      return (i) => view.getInt16(2 * i, true);
    case 'U16':
      return (i) => view.getUint16(2 * i, true);
    case 'I32':
      return (i) => view.getInt32(4 * i, true);
    case 'U32':
      return (i) => view.getUint32(4 * i, true);
    case 'I64':
      return (i) => Number(view.getBigInt64(8 * i, true));
    case 'U64':
      return (i) => Number(view.getBigUint64(8 * i, true));
    default:
      throw new UnsupportedError(
        `${file}: values of type ${dtype} are not read; convert them to F16, BF16 or F32`,
      );
  }
}

/** A tensor to be written: values in the machine's order, little-endian wherever WebAssembly runs. */
export interface SafetensorsInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float64Array | Float32Array | BigInt64Array | Int32Array | Uint8Array;
  /** Of Uint8Array values: their real type, where it is another than U8 (raw F16 or BF16). */
  readonly dtype?: 'F16' | 'BF16' | 'U8';
}

/** The head of a file that is written: tensors are named as they come, one behind the other. */
export class SafetensorsHeader {
  /** Bytes of all values so far. */
  byteLength = 0;
  private readonly entries: Record<string, unknown> = Object.create(null);

  constructor(metadata: Readonly<Record<string, string>> = {}) {
    if (Object.keys(metadata).length > 0) this.entries.__metadata__ = metadata;
  }

  /**
   * Names the next tensor.
   *
   * @returns where its bytes go, counted from the end of the head
   * @throws RangeError when the shape does not fit the values, or the name is taken
   */
  add({ name, shape, values, dtype: given }: SafetensorsInput): number {
    const dtype = given ?? writtenType(values);
    const bytes = shape.reduce((product, size) => product * size, VALUE_BYTES[dtype]);
    if (bytes !== values.byteLength || Object.hasOwn(this.entries, name)) {
      throw new RangeError(
        `tensor ${name}: expected a name of its own and ${values.byteLength} bytes, got ${bytes}`,
      );
    }
    const begin = this.byteLength;
    this.byteLength += bytes;
    this.entries[name] = { dtype, shape, data_offsets: [begin, this.byteLength] };
    return begin;
  }

  /**
   * Length and JSON, padded with spaces to a multiple of 8, so that values are aligned.
   *
   * @param size bytes to pad to, where room was kept before the tensors were known
   * @throws RangeError when they are not enough
   */
  encode(size?: number): Uint8Array {
    const json = new TextEncoder().encode(JSON.stringify(this.entries));
    const needed = 8 + Math.ceil(json.length / 8) * 8;
    const head = new Uint8Array(size ?? needed).fill(0x20);
    if (head.length < needed) {
      throw new RangeError(`header: expected at most ${head.length} bytes, got ${needed}`);
    }
    new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
    head.set(json, 8);
    return head;
  }
}

/**
 * A whole safetensors file.
 *
 * @throws RangeError when a shape does not fit its values
 */
export function writeSafetensors(
  tensors: readonly SafetensorsInput[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new SafetensorsHeader(metadata);
  const offsets = tensors.map((tensor) => header.add(tensor));
  const head = header.encode();
  const file = new Uint8Array(head.length + header.byteLength);
  file.set(head);
  for (const [n, { values }] of tensors.entries()) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), head.length + offsets[n]);
  }
  return file;
}

function writtenType(values: SafetensorsInput['values']): SafetensorsDType {
  if (values instanceof Float64Array) return 'F64';
  if (values instanceof Float32Array) return 'F32';
  if (values instanceof BigInt64Array) return 'I64';
  return values instanceof Int32Array ? 'I32' : 'U8';
}
