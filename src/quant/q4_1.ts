// Q4_1: 32 values as 4-bit integers over a least value; 20 bytes, 5 bits a value. The matrices of the
// SmolLM2 file that this project ships its goldens for.
//
//     byte  0        2        4                            20
//           | d: f16 | m: f16 | 16 bytes: low nibble i, high nibble i + 16 |        value i = d · q[i] + m

import { f16FromNumber, f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 32 values, each rounded once to float32 (the product is exact). */
export function decodeQ4_1(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 20, outOffset += 32) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    const m = f16ToNumber(bytes[at + 2] | (bytes[at + 3] << 8));
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 4 + i];
      out[outOffset + i] = d * (pair & 15) + m;
      out[outOffset + 16 + i] = d * (pair >> 4) + m;
    }
  }
}

/** Blocks of ggml's `quantize_row_q4_1_ref`: the least value becomes 0, the largest 15. */
export function encodeQ4_1(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let begin = 0; begin < values.length; begin += 32, at += 20) {
    let least = values[begin];
    let most = values[begin];
    for (let i = 1; i < 32; i++) {
      const value = values[begin + i];
      if (value < least) least = value;
      if (value > most) most = value;
    }
    const d = Math.fround(Math.fround(most - least) / 15);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    const halves = f16FromNumber(d) | (f16FromNumber(least) << 16);
    for (let i = 0; i < 4; i++) bytes[at + i] = halves >>> (8 * i);
    const quantise = (value: number) =>
      Math.min(15, Math.trunc(Math.fround((value - least) * inverse + 0.5)));
    for (let i = 0; i < 16; i++) {
      bytes[at + 4 + i] = quantise(values[begin + i]) | (quantise(values[begin + 16 + i]) << 4);
    }
  }
}
