// Writing a GGUF file, version 3: metadata copied from another file or made here, and tensors whose rows
// come one piece at a time, so that no tensor needs to be in memory whole. Layout: see gguf-header.ts.

import { byteLength, DTYPES, type DType } from '../base/dtype.ts';
import { StringTable } from '../base/string-table.ts';
import { GGUF_DTYPES, padded } from './gguf-header.ts';
import { GGUF_TYPES, type GgufType } from './gguf-values.ts';

/**
 * One key with its type and value as a file stores them: of a GgufValue (`encoded`), or
 * made by encodeGgufValue.
 */
export interface GgufPair {
  readonly key: string;
  readonly encoded: Uint8Array;
}

export interface GgufTensorToWrite {
  /** GGUF name. */
  readonly name: string;
  readonly dtype: DType;
  /** Row-major; written in reverse, as the format wants it. */
  readonly shape: readonly number[];
  /** All bytes of the tensor in order, in pieces of any size. Asked for once, when its turn comes. */
  readonly pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Values that encodeGgufValue takes: numbers for the number types, texts for STRING and so on. */
export type GgufPlainValue = number | bigint | boolean | string;

/**
 * Type and value of a metadata pair, as stored.
 *
 * @param value one value, or for ARRAY a list of values of `elementType`
 * @throws RangeError when a number does not fit its type
 */
export function encodeGgufValue(
  type: GgufType,
  value: GgufPlainValue | readonly GgufPlainValue[] | StringTable,
  elementType?: GgufType,
): Uint8Array {
  const out = new ByteWriter();
  out.u32(GGUF_TYPES.indexOf(type));
  if (type !== 'ARRAY') {
    writeScalar(out, type, value as GgufPlainValue);
    return out.take();
  }
  if (elementType === undefined) throw new RangeError('elementType: expected one for an ARRAY, got none');
  out.u32(GGUF_TYPES.indexOf(elementType));
  if (value instanceof StringTable) {
    out.u64(value.count);
    for (let i = 0; i < value.count; i++) {
      out.u64(value.bytesAt(i).length);
      out.bytes(value.bytesAt(i));
    }
    return out.take();
  }
  const items = value as readonly GgufPlainValue[];
  out.u64(items.length);
  for (const item of items) writeScalar(out, elementType, item);
  return out.take();
}

/**
 * The file in pieces: head, then each tensor with its padding.
 *
 * @throws RangeError when a tensor's rows are no whole number of blocks, or its pieces do not add up to its
 * size
 */
export async function* writeGguf(
  metadata: Iterable<GgufPair>,
  tensors: readonly GgufTensorToWrite[],
  alignment = 32,
): AsyncGenerator<Uint8Array> {
  yield encodeHead([...metadata], tensors, alignment);
  for (const tensor of tensors) {
    const size = tensorBytes(tensor);
    let written = 0;
    for await (const piece of tensor.pieces()) {
      written += piece.length;
      yield piece;
    }
    if (written !== size) {
      throw new RangeError(`pieces of ${tensor.name}: expected ${size} bytes, got ${written}`);
    }
    yield new Uint8Array(padded(size, alignment) - size);
  }
}

/** @throws RangeError when its rows are no whole number of blocks */
export function tensorBytes({
  name,
  dtype,
  shape,
}: Pick<GgufTensorToWrite, 'name' | 'dtype' | 'shape'>): number {
  const rowSize = shape[shape.length - 1];
  if (rowSize % DTYPES[dtype].blockSize !== 0) {
    throw new RangeError(
      `tensor ${name}: expected rows of a multiple of ${DTYPES[dtype].blockSize}, got ${rowSize}`,
    );
  }
  return byteLength(
    dtype,
    shape.reduce((product, size) => product * size, 1),
  );
}

function encodeHead(
  metadata: readonly GgufPair[],
  tensors: readonly GgufTensorToWrite[],
  alignment: number,
): Uint8Array {
  const out = new ByteWriter();
  out.bytes(new TextEncoder().encode('GGUF'));
  out.u32(3);
  out.u64(tensors.length);
  const pairs = metadata.filter(({ key }) => key !== 'general.alignment');
  if (alignment !== 32) {
    pairs.push({ key: 'general.alignment', encoded: encodeGgufValue('UINT32', alignment) });
  }
  out.u64(pairs.length);
  for (const { key, encoded } of pairs) {
    out.text(key);
    out.bytes(encoded);
  }
  let offset = 0;
  for (const tensor of tensors) {
    out.text(tensor.name);
    out.u32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) out.u64(size);
    out.u32(GGUF_DTYPES[tensor.dtype]);
    out.u64(offset);
    offset += padded(tensorBytes(tensor), alignment);
  }
  out.bytes(new Uint8Array(padded(out.length, alignment) - out.length));
  return out.take();
}

/** Least and largest value of the whole-number types. */
const WHOLE_RANGES: Partial<Record<GgufType, readonly [bigint, bigint]>> = {
  UINT8: [0n, 255n],
  INT8: [-128n, 127n],
  UINT16: [0n, 65_535n],
  INT16: [-32_768n, 32_767n],
  UINT32: [0n, 2n ** 32n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

const WHOLE_BYTES: Partial<Record<GgufType, number>> = {
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  UINT32: 4,
  INT32: 4,
  UINT64: 8,
  INT64: 8,
};

function writeScalar(out: ByteWriter, type: GgufType, value: GgufPlainValue): void {
  const range = WHOLE_RANGES[type];
  if (range) {
    const isWhole = typeof value === 'bigint' || Number.isInteger(value);
    const whole = isWhole ? BigInt(value as number | bigint) : undefined;
    if (whole === undefined || whole < range[0] || whole > range[1]) {
      throw new RangeError(`value: expected a ${type}, got ${String(value)}`);
    }
    out.whole(whole, WHOLE_BYTES[type]!);
  } else if (type === 'STRING' && typeof value === 'string') {
    out.text(value);
  } else if (type === 'BOOL' && typeof value === 'boolean') {
    out.bytes(Uint8Array.of(value ? 1 : 0));
  } else if (type === 'FLOAT32' && typeof value === 'number') {
    out.bytes(new Uint8Array(Float32Array.of(value).buffer));
  } else if (type === 'FLOAT64' && typeof value === 'number') {
    out.bytes(new Uint8Array(Float64Array.of(value).buffer));
  } else {
    throw new TypeError(`value: expected a ${type}, got ${typeof value}`);
  }
}

const utf8 = new TextEncoder();

/** Collects little-endian bytes. */
class ByteWriter {
  length = 0;
  private buffer = new Uint8Array(1024);

  bytes(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buffer.length) {
      const longer = new Uint8Array(2 * (this.length + bytes.length));
      longer.set(this.buffer.subarray(0, this.length));
      this.buffer = longer;
    }
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** The lowest `count` bytes of `value`. */
  whole(value: bigint, count: number): void {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer, 0, count));
  }

  u32(value: number): void {
    this.whole(BigInt(value), 4);
  }

  u64(value: number): void {
    this.whole(BigInt(value), 8);
  }

  /** A length and UTF-8. */
  text(text: string): void {
    const bytes = utf8.encode(text);
    this.u64(bytes.length);
    this.bytes(bytes);
  }

  take(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
