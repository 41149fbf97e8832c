// Q5_0 and Q5_1: as Q4_0 and Q4_1 with a fifth bit per value, kept apart so that the nibbles stay aligned.
//
//     Q5_0  byte  0        2         6                                   22      value i = d · (q[i] - 16)
//                 | d: f16 | h: u32  | 16 bytes: low nibble i, high nibble i + 16 |
//     Q5_1  byte  0        2        4         8                          24      value i = d · q[i] + m
//                 | d: f16 | m: f16 | h: u32  | 16 bytes, likewise              |
//
//     q[i] = nibble i + 16 · (bit i of h)

import { f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 32 values of Q5_0. */
export function decodeQ5_0(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 22, outOffset += 32) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    const high = readU32(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 6 + i];
      out[outOffset + i] = d * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[outOffset + 16 + i] = d * (((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16);
    }
  }
}

/** out = `numBlocks` · 32 values of Q5_1. */
export function decodeQ5_1(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 24, outOffset += 32) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    const m = f16ToNumber(bytes[at + 2] | (bytes[at + 3] << 8));
    const high = readU32(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 8 + i];
      out[outOffset + i] = d * ((pair & 15) | (((high >>> i) & 1) << 4)) + m;
      out[outOffset + 16 + i] = d * ((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) + m;
    }
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
