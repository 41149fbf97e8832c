// Q6_K: 256 values as 6-bit integers round zero in 16 groups of 16, each with a signed 8-bit scale; 210
// bytes, 6.6 bits a value. Four bits of a value stand in `low`, two in `high`.
//
//     byte  0           128         192           208      210
//           | low: 128  | high: 64  | scales: 16  | d: f16 |
//
//     group g (values 16g … 16g + 15):  value = d · scales[g] · (q - 32)
//     q of value i:  half i / 128, plane (i / 32) mod 4:
//                    nibble plane / 2 of low[64·half + 32·(plane mod 2) + i mod 32]
//                    + 16 · (bits 2·plane of high[32·half + i mod 32])

import { f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 256 values, each rounded once to float32. */
export function decodeQ6_K(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 210, outOffset += 256) {
    const d = f16ToNumber(bytes[at + 208] | (bytes[at + 209] << 8));
    for (let group = 0; group < 16; group++) {
      const scale = d * ((bytes[at + 192 + group] << 24) >> 24);
      const half = group >> 3;
      const plane = (group >> 1) & 3;
      const low = at + half * 64 + (plane & 1) * 32 + (group & 1) * 16;
      const high = at + 128 + half * 32 + (group & 1) * 16;
      const lowShift = (plane >> 1) * 4;
      const begin = outOffset + group * 16;
      for (let i = 0; i < 16; i++) {
        const q = ((bytes[low + i] >> lowShift) & 15) | (((bytes[high + i] >> (2 * plane)) & 3) << 4);
        out[begin + i] = scale * (q - 32);
      }
    }
  }
}
