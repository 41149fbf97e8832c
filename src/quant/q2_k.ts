// Q2_K: 256 values as 2-bit integers in 16 groups of 16, each with a 4-bit scale and a 4-bit least value;
// 84 bytes, 2.6 bits a value.
//
//     byte  0             16                80       82          84
//           | scales: 16  | quants: 64      | d: f16 | dMin: f16 |
//
//     group g (values 16g … 16g + 15):  value = d · (scales[g] & 15) · q - dMin · (scales[g] >> 4)
//     q of value i:  half i / 128, plane (i / 32) mod 4:  bits 2·plane of quants[32·half + i mod 32]

import { f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 256 values. */
export function decodeQ2_K(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 84, outOffset += 256) {
    const d = f16ToNumber(bytes[at + 80] | (bytes[at + 81] << 8));
    const dMin = f16ToNumber(bytes[at + 82] | (bytes[at + 83] << 8));
    for (let group = 0; group < 16; group++) {
      const scale = d * (bytes[at + group] & 15);
      const least = dMin * (bytes[at + group] >> 4);
      const shift = ((group >> 1) & 3) * 2;
      const quants = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const begin = outOffset + group * 16;
      for (let i = 0; i < 16; i++) out[begin + i] = scale * ((bytes[quants + i] >> shift) & 3) - least;
    }
  }
}
