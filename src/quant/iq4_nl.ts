// IQ4_NL: 32 values as places in a table of 16 unevenly spaced integers; 18 bytes, 4.5 bits a value.
//
//     byte  0        2                            18
//           | d: f16 | 16 bytes: low nibble i, high nibble i + 16 |        value i = d · LEVELS[q[i]]

import { f16ToNumber } from '../base/f16.ts';

/** ggml's `kvalues_iq4nl`: denser round zero, where most weights are. */
export const LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** out = `numBlocks` · 32 values. */
export function decodeIq4Nl(
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
      out[outOffset + i] = d * LEVELS[pair & 15];
      out[outOffset + 16 + i] = d * LEVELS[pair >> 4];
    }
  }
}
