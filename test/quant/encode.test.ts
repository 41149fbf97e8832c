import { describe, expect, it } from 'vitest';
import { byteLength } from '../../src/base/dtype.ts';
import { decodeBlocks } from '../../src/quant/decode.ts';
import { type EncodableDType, encodeBlocks } from '../../src/quant/encode.ts';
import { quantGoldens, readF32 } from '../support/quant-goldens.ts';

const ENCODABLE: EncodableDType[] = ['Q4_0', 'Q4_1', 'Q8_0', 'F16', 'BF16'];

function encode(dtype: EncodableDType, values: Float32Array): Uint8Array {
  const out = new Uint8Array(byteLength(dtype, values.length));
  encodeBlocks(dtype, values, out, 0);
  return out;
}

describe('encodeBlocks', () => {
  const goldens = quantGoldens('quantised').filter(({ type }) => ENCODABLE.includes(type as EncodableDType));

  it.each(goldens)('gives the bytes of ggml for the 64 blocks of $type', (golden) => {
    expect(encode(golden.type as EncodableDType, readF32(golden.source_f32!))).toEqual(golden.bytes);
  });

  it.each(['F16', 'BF16', 'F32'] as const)(
    'gives back every value that %s can hold',
    { tags: ['slow'] },
    (dtype) => {
      const bytes = Uint8Array.from({ length: 4 * 65536 }, (_, i) => (i >> (8 * (i & 1) + 1)) & 255);
      const count = dtype === 'F32' ? 65536 : 2 * 65536;
      const values = new Float32Array(count);
      decodeBlocks(dtype, bytes, 0, values, 0, count);
      const again = new Float32Array(count);
      decodeBlocks(dtype, encode(dtype, values), 0, again, 0, count);
      expect(again).toEqual(values);
    },
  );

  it.each([
    // 2049 lies between the halves 2048 and 2050, 2051 between 2050 and 2052: ties go to the even
    // significand.
    ['2049', 2049, 2048],
    ['2051', 2051, 2052],
    ['65519 (under half a step past the largest half)', 65519, 65504],
    ['65520', 65520, Infinity],
    ['2^-25 (half the least half)', 2 ** -25, 0],
    ['just over 2^-25', 2 ** -25 * (1 + 2 ** -23), 2 ** -24],
    ['the largest value under 2^-14', 2 ** -14 * (1 - 2 ** -24), 2 ** -14],
    ['-2^-24 · 1.5', -1.5 * 2 ** -24, -(2 ** -23)],
    ['-0', -0, -0],
  ])('rounds %s to the nearest half, ties to even', (_, value, expected) => {
    const actual = new Float32Array(1);
    decodeBlocks('F16', encode('F16', Float32Array.of(value)), 0, actual, 0, 1);
    expect(actual[0]).toBe(expected);
  });

  it.each(ENCODABLE)('encodes 32 zeros as zeros in %s', (dtype) => {
    const actual = new Float32Array(32).fill(1);
    decodeBlocks(dtype, encode(dtype, new Float32Array(32)), 0, actual, 0, 32);
    expect(actual.map(Math.abs)).toEqual(new Float32Array(32));
  });

  it('refuses 33 values for blocks of 32, and an output that is a byte short', () => {
    expect(() => encodeBlocks('Q8_0', new Float32Array(33), new Uint8Array(99), 0)).toThrow(RangeError);
    expect(() => encodeBlocks('Q8_0', new Float32Array(32), new Uint8Array(33), 0)).toThrow(RangeError);
  });
});
