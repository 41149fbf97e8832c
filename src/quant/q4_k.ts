// Q4_K and Q5_K: 256 values as 4- or 5-bit integers in 8 groups of 32, each with a 6-bit scale and a 6-bit
// least value; 144 bytes (4.5 bits a value) and 176 bytes (5.5 bits a value).
//
//     Q4_K  byte  0        2           4             16             144
//                 | d: f16 | dMin: f16 | scales: 12  | quants: 128  |
//     Q5_K  byte  0        2           4             16          48             176
//                 | d: f16 | dMin: f16 | scales: 12  | high: 32  | quants: 128  |
//
//     group g (values 32g … 32g + 31):  value = d · scale[g] · q - dMin · least[g]
//     q of value i of group g:  nibble g mod 2 of quants[32 · (g / 2) + i]  + 16 · (bit g of high[i])
//     scale[g], least[g]:  g < 4: low 6 bits of scales[g], scales[g + 4];
//                          g ≥ 4: low, high nibble of scales[g + 4],
//                                 topped by the high 2 bits of scales[g - 4], scales[g]

import { f16ToNumber } from '../base/f16.ts';

/** out = `numBlocks` · 256 values of Q4_K. */
export function decodeQ4_K(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 144, outOffset += 256) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    const dMin = f16ToNumber(bytes[at + 2] | (bytes[at + 3] << 8));
    for (let group = 0; group < 8; group++) {
      const scale = d * groupScale(bytes, at + 4, group);
      const least = dMin * groupLeast(bytes, at + 4, group);
      const shift = (group & 1) * 4;
      const quants = at + 16 + (group >> 1) * 32;
      const begin = outOffset + group * 32;
      for (let i = 0; i < 32; i++) out[begin + i] = scale * ((bytes[quants + i] >> shift) & 15) - least;
    }
  }
}

/** out = `numBlocks` · 256 values of Q5_K. */
export function decodeQ5_K(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
): void {
  for (let block = 0; block < numBlocks; block++, at += 176, outOffset += 256) {
    const d = f16ToNumber(bytes[at] | (bytes[at + 1] << 8));
    const dMin = f16ToNumber(bytes[at + 2] | (bytes[at + 3] << 8));
    for (let group = 0; group < 8; group++) {
      const scale = d * groupScale(bytes, at + 4, group);
      const least = dMin * groupLeast(bytes, at + 4, group);
      const shift = (group & 1) * 4;
      const high = at + 16;
      const quants = at + 48 + (group >> 1) * 32;
      const begin = outOffset + group * 32;
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[quants + i] >> shift) & 15) | (((bytes[high + i] >> group) & 1) << 4);
        out[begin + i] = scale * q - least;
      }
    }
  }
}

/** 6-bit scale of a group; `scales` is the offset of the 12 packed bytes (ggml `get_scale_min_k4`). */
export function groupScale(bytes: Uint8Array, scales: number, group: number): number {
  if (group < 4) return bytes[scales + group] & 63;
  return (bytes[scales + group + 4] & 15) | ((bytes[scales + group - 4] >> 6) << 4);
}

/** 6-bit least value of a group. */
export function groupLeast(bytes: Uint8Array, scales: number, group: number): number {
  if (group < 4) return bytes[scales + group + 4] & 63;
  return (bytes[scales + group + 4] >> 4) | ((bytes[scales + group] >> 6) << 4);
}
