import { describe, expect, it } from 'vitest';
import { byteLength, DTYPES, type DType } from '../../src/base/dtype.ts';
import { decodeBlocks, decodeToF64 } from '../../src/quant/decode.ts';
import { quantGoldens, readF32 } from '../support/quant-goldens.ts';

/** Bits of float32 numbers, so that -0 differs from 0. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Index of the first value that is not the same, or that only one has; -1 if there is none. */
function firstDifference<T extends Uint32Array | Float64Array>(a: T, b: T): number {
  const at = a.findIndex((value, i) => !Object.is(value, b[i]));
  return at < 0 && b.length > a.length ? a.length : at;
}

describe('decodeBlocks', () => {
  it.each(quantGoldens())('gives the float32 bits of gguf-py for the 64 blocks of $type ($set)', (golden) => {
    const expected = readF32(golden.dequantised_f32);
    const actual = new Float32Array(expected.length);
    decodeBlocks(golden.type, golden.bytes, 0, actual, 0, actual.length);
    expect(firstDifference(bitsOf(actual), bitsOf(expected))).toBe(-1);
  });

  it.each(quantGoldens('random'))('reads and writes $type at odd offsets', (golden) => {
    const { blockSize } = DTYPES[golden.type];
    const size = Math.max(blockSize, 32);
    const expected = readF32(golden.dequantised_f32).subarray(size, 3 * size);
    const shifted = new Uint8Array(golden.bytes.length + 3);
    shifted.set(golden.bytes, 3);
    const actual = new Float32Array(2 * size + 7).fill(7);
    decodeBlocks(golden.type, shifted, 3 + byteLength(golden.type, size), actual, 5, 2 * size);
    expect(bitsOf(actual.subarray(5, 5 + 2 * size))).toEqual(new Uint32Array(bitsOf(expected)));
    expect([...actual.subarray(0, 5), ...actual.subarray(5 + 2 * size)]).toEqual(Array(7).fill(7));
  });

  it('keeps every float32 bit of F32, NaN payloads included', () => {
    const bits = Uint32Array.of(0x7fc12345, 0xff812345, 0x80000000, 1, 0x7f800000);
    const actual = new Float32Array(5);
    decodeBlocks('F32', new Uint8Array(bits.buffer), 0, actual, 0, 5);
    expect(bitsOf(actual)).toEqual(bits);
  });

  it.each([
    ['half a block', 'Q4_1', 16, 20, 32],
    ['more blocks than there are bytes', 'Q4_1', 64, 39, 64],
    ['more values than there is room', 'Q8_0', 64, 68, 63],
    ['a negative count', 'F32', -1, 4, 4],
    ['a count that is no number', 'F32', Number.NaN, 4, 4],
  ] as const)('refuses %s', (_, dtype, count, numBytes, room) => {
    const decode = () => decodeBlocks(dtype, new Uint8Array(numBytes), 0, new Float32Array(room), 0, count);
    expect(decode).toThrow(RangeError);
  });
});

describe('decodeToF64', () => {
  it.each(quantGoldens())('widens the float32 values of $type ($set) without a change', (golden) => {
    const expected = Float64Array.from(readF32(golden.dequantised_f32));
    const actual = new Float64Array(expected.length + 1);
    decodeToF64(golden.type, golden.bytes, 0, actual, 1, expected.length);
    expect(firstDifference(actual.subarray(1), expected)).toBe(-1);
  });

  it('keeps the 53 bits of F64', () => {
    const values = Float64Array.of(Math.PI, -1 / 3, 5e-324, -0, Number.MAX_VALUE);
    const actual = new Float64Array(5);
    decodeToF64('F64', new Uint8Array(values.buffer), 0, actual, 0, 5);
    expect(actual).toEqual(values);
  });

  it.each(Object.keys(DTYPES) as DType[])('joins the pieces of a long run of %s', (dtype) => {
    const count = 4096 * 2 + DTYPES[dtype].blockSize;
    const bytes = Uint8Array.from({ length: byteLength(dtype, count) }, (_, i) => (i * 37) % 61);
    const whole = new Float64Array(count);
    decodeToF64(dtype, bytes, 0, whole, 0, count);
    const tail = new Float64Array(DTYPES[dtype].blockSize);
    decodeToF64(dtype, bytes, byteLength(dtype, 4096 * 2), tail, 0, tail.length);
    expect(firstDifference(whole.subarray(4096 * 2), tail)).toBe(-1);
    const second = new Float64Array(4096);
    decodeToF64(dtype, bytes, byteLength(dtype, 4096), second, 0, 4096);
    expect(firstDifference(whole.subarray(4096, 8192), second)).toBe(-1);
  });
});
