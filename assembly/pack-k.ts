// Super-blocks of 256 values (Q2_K … Q6_K) taken apart: whole numbers, and a scale and a minimum for every 16.
// Scales are products of a float16 and a small whole number, so float32 holds them exactly.
// Layouts: src/quant (the decoders there are the mirrors of these).

import { f32At } from './linear-q4';

const Q2_K: i32 = 9;
const Q3_K: i32 = 10;
const Q4_K: i32 = 11;
const Q5_K: i32 = 12;

/** ints [256] i8 │ d [16] f32 │ m [16] f32 at `out`; value = d q + m. Returns the bytes of the block. */
export function decodeSuperBlock(dtype: i32, src: usize, out: usize): usize {
  if (dtype == Q2_K) return decodeQ2(src, out);
  if (dtype == Q3_K) return decodeQ3(src, out);
  if (dtype == Q4_K) return decodeQ45(src, out, false);
  if (dtype == Q5_K) return decodeQ45(src, out, true);
  return decodeQ6(src, out);
}

@inline
function storeScale(out: usize, k: usize, d: f32, m: f32): void {
  store<f32>(out + 256 + k * 4, d);
  store<f32>(out + 320 + k * 4, m);
}

/** 84 bytes: 16 × (4-bit scale, 4-bit minimum) │ 64 bytes of 2-bit numbers │ f16 d │ f16 dmin. */
function decodeQ2(src: usize, out: usize): usize {
  const d = f32At(false, src + 80, 0);
  const dMin = f32At(false, src + 80, 1);
  for (let k: usize = 0; k < 16; k++) {
    const scale = load<u8>(src + k);
    storeScale(out, k, d * <f32>(scale & 15), -(dMin * <f32>(scale >> 4)));
  }
  for (let i: usize = 0; i < 256; i++) {
    const byte = load<u8>(src + 16 + (i >> 7) * 32 + (i & 31));
    store<u8>(out + i, (byte >> <u8>(((i >> 5) & 3) * 2)) & 3);
  }
  return 84;
}

/** 110 bytes: 32 bytes of third bits │ 64 bytes of 2-bit numbers │ 16 × 6-bit scale in 12 bytes │ f16 d. */
function decodeQ3(src: usize, out: usize): usize {
  const d = f32At(false, src + 108, 0);
  const scales = src + 96;
  for (let k: usize = 0; k < 16; k++) {
    const low = k < 8 ? load<u8>(scales + k) & 15 : load<u8>(scales + k - 8) >> 4;
    const high = (load<u8>(scales + 8 + (k & 3)) >> <u8>((k >> 2) * 2)) & 3;
    storeScale(out, k, d * <f32>(<i32>(low | (high << 4)) - 32), 0);
  }
  for (let i: usize = 0; i < 256; i++) {
    const two = (load<u8>(src + 32 + (i >> 7) * 32 + (i & 31)) >> <u8>(((i >> 5) & 3) * 2)) & 3;
    const third = (load<u8>(src + (i & 31)) >> <u8>(i >> 5)) & 1;
    store<i8>(out + i, <i8>(<i32>two - (third ? 0 : 4)));
  }
  return 110;
}

/** 144 or 176 bytes: f16 d │ f16 dmin │ 12: 8 × (6-bit scale, 6-bit minimum) │ (32 of fifth bits) │ 128 of nibbles. */
function decodeQ45(src: usize, out: usize, five: bool): usize {
  const d = f32At(false, src, 0);
  const dMin = f32At(false, src, 1);
  const packed = src + 4;
  for (let k: usize = 0; k < 8; k++) {
    let scale = load<u8>(packed + k);
    let least = load<u8>(packed + k + 4);
    if (k < 4) {
      scale &= 63;
      least &= 63;
    } else {
      least = (load<u8>(packed + k + 4) >> 4) | ((scale >> 6) << 4);
      scale = (load<u8>(packed + k + 4) & 15) | ((load<u8>(packed + k - 4) >> 6) << 4);
    }
    const m = -(dMin * <f32>least);
    storeScale(out, 2 * k, d * <f32>scale, m);
    storeScale(out, 2 * k + 1, d * <f32>scale, m);
  }
  const nibbles = src + (five ? 48 : 16);
  for (let i: usize = 0; i < 256; i++) {
    const byte = load<u8>(nibbles + (i >> 6) * 32 + (i & 31));
    let q = i & 32 ? byte >> 4 : byte & 15;
    if (five) q |= ((load<u8>(src + 16 + (i & 31)) >> <u8>(i >> 5)) & 1) << 4;
    store<u8>(out + i, q);
  }
  return five ? 176 : 144;
}

/** 210 bytes: 128 of low nibbles │ 64 of high pairs of bits │ 16 × i8 scale │ f16 d. */
function decodeQ6(src: usize, out: usize): usize {
  const d = f32At(false, src + 208, 0);
  for (let k: usize = 0; k < 16; k++) storeScale(out, k, d * <f32>load<i8>(src + 192 + k), 0);
  for (let i: usize = 0; i < 256; i++) {
    const inHalf = i & 127;
    const byte = load<u8>(src + (i >> 7) * 64 + (inHalf & 63));
    const low = inHalf < 64 ? byte & 15 : byte >> 4;
    const high = (load<u8>(src + 128 + (i >> 7) * 32 + (i & 31)) >> <u8>((inHalf >> 5) * 2)) & 3;
    store<i8>(out + i, <i8>(<i32>(low | (high << 4)) - 32));
  }
  return 210;
}
