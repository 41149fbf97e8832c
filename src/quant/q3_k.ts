// Q3_K: 256 values as 3-bit integers round zero in 16 groups of 16, each with a 6-bit scale; 110 bytes, 3.4
// bits a value. Two bits of a value stand in `quants`, the third in `high`.
//
//     byte  0           32            96            108      110
//           | high: 32  | quants: 64  | scales: 12  | d: f16 |
//
//     group g (values 16g … 16g + 15):  value = d · (scale[g] - 32) · (q - 4)
//     q of value i:  bits 2·plane of quants[32·half + i mod 32] + 4 · (bit 4·half + plane of high[i mod 32])
//     scale[g]:      low 4 bits: nibble g / 8 of scales[g mod 8];
//                    high 2 bits: bits 2·(g / 4) of scales[8 + g mod 4]

import { f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 256 values. */
export function decodeQ3_K(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 110, outOffset += 256) {
    const d = f16ToNumber(bytes[at + 108] | (bytes[at + 109] << 8));
    for (let group = 0; group < 16; group++) {
      const low = (bytes[at + 96 + (group & 7)] >> ((group >> 3) * 4)) & 15;
      const high = (bytes[at + 104 + (group & 3)] >> ((group >> 2) * 2)) & 3;
      const scale = d * ((low | (high << 4)) - 32);
      const shift = ((group >> 1) & 3) * 2;
      const highBits = at + (group & 1) * 16;
      const quants = at + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const begin = outOffset + group * 16;
      for (let i = 0; i < 16; i++) {
        const q = ((bytes[quants + i] >> shift) & 3) | (((bytes[highBits + i] >> (group >> 1)) & 1) << 2);
        out[begin + i] = scale * (q - 4);
      }
    }
  }
}
