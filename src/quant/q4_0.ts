// Q4_0: 32 values as 4-bit integers round zero with one scale; 18 bytes, 4.5 bits a value.
//
//     byte  0        2                            18
//           | d: f16 | 16 bytes: low nibble i, high nibble i + 16 |        value i = d · (q[i] - 8)

import { f16FromNumber, f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 32 values, each rounded once to float32. */
export function decodeQ4_0(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 18, outOffset += 32) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 2 + i];
      out[outOffset + i] = d * ((pair & 15) - 8);
      out[outOffset + 16 + i] = d * ((pair >> 4) - 8);
    }
  }
}

/**
 * Blocks of ggml's `quantize_row_q4_0_ref`: the value of largest magnitude becomes -8 · d exactly. The
 * product with 1 / d and the addition of 8.5 are rounded once together, as a fused multiply-add rounds them.
 */
export function encodeQ4_0(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let begin = 0; begin < values.length; begin += 32, at += 18) {
    let extreme = 0;
    for (let i = 0; i < 32; i++) {
      if (Math.abs(values[begin + i]) > Math.abs(extreme)) extreme = values[begin + i];
    }
    const d = Math.fround(extreme / -8);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    const half = f16FromNumber(d);
    bytes[at] = half;
    bytes[at + 1] = half >>> 8;
    const quantise = (value: number) => Math.min(15, Math.trunc(Math.fround(value * inverse + 8.5)));
    for (let i = 0; i < 16; i++) {
      bytes[at + 2 + i] = quantise(values[begin + i]) | (quantise(values[begin + 16 + i]) << 4);
    }
  }
}
