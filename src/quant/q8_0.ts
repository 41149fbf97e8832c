// Q8_0: 32 values as signed bytes with one scale; 34 bytes, 8.5 bits a value.
//
//     byte  0        2                    34
//           | d: f16 | 32 bytes, signed   |        value i = d · q[i]

import { f16FromNumber, f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 32 values; every product is exact in float32. */
export function decodeQ8_0(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 34, outOffset += 32) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    for (let i = 0; i < 32; i++) out[outOffset + i] = d * ((bytes[at + 2 + i] << 24) >> 24);
  }
}

/** Blocks of ggml's `quantize_row_q8_0_ref`: the largest magnitude is ±127; halves round away from zero. */
export function encodeQ8_0(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let begin = 0; begin < values.length; begin += 32, at += 34) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[begin + i]));
    const d = Math.fround(largest / 127);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    const half = f16FromNumber(d);
    bytes[at] = half;
    bytes[at + 1] = half >>> 8;
    for (let i = 0; i < 32; i++) {
      const scaled = Math.fround(values[begin + i] * inverse);
      const rounded = Math.floor(Math.abs(scaled) + 0.5);
      bytes[at + 2 + i] = scaled < 0 ? -rounded : rounded;
    }
  }
}
