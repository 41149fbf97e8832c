// Activations to whole numbers, block by block: the input of the integer dot products. Mirror: none; the oracle is
// the value itself, within half a step. Two schemes:
//
//   fast     x ≈ d · q          q int16, d = max|x| / 32767 of the block
//   precise  x ≈ s · (2^15 · h + l)   h, l int16, s a power of two: exact for |x| > max|x| / 16, else
//                                     within max|x| · 2^-29
//
// Whole numbers go in pairs of columns, since a dot product takes pairs: a pair is 4 bytes, the next pair of the same
// row follows `pairStride` bytes later (fast: 4 for one row, 16 in a tile of 4 rows; precise: h and l side by side,
// 8 for one row, 16 in a tile of 2). Scales of a block take 32 bytes:
//
//   fast     4 × f32 d, 4 × f32 d · Σq            (one per row of the tile)
//   precise  2 × f64 s, 2 × f64 s · Σ(2^15 h + l)

import { maxLanes, rounder, sumLanesI32 } from './simd';

/** Row x [inSize] to fast form; `lane` is its place in the tile. inSize % blockSize == 0, blockSize 16 or 32. */
export function quantiseFast(
  x: usize,
  inSize: i32,
  blockSize: i32,
  ints: usize,
  pairStride: usize,
  scales: usize,
  lane: usize,
): void {
  const blockBytes = (<usize>blockSize) << 2;
  const round = rounder();
  scales += lane << 2;
  for (let end = x + ((<usize>inSize) << 2); x < end; x += blockBytes, scales += 32) {
    const maxAbs = blockMax(x, blockBytes);
    const inverse = f32x4.splat(maxAbs == 0 ? 0 : <f32>32767.0 / maxAbs);
    let sums = i32x4.splat(0);
    for (let at: usize = 0; at < blockBytes; at += 32) {
      const a = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at), inverse), round), round);
      const b = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at, 16), inverse), round), round);
      sums = i32x4.add(sums, i32x4.add(a, b));
      storePairs(ints, pairStride, i16x8.narrow_i32x4_s(a, b));
      ints += pairStride << 2;
    }
    const d = maxAbs * <f32>(1.0 / 32767.0);
    store<f32>(scales, d);
    store<f32>(scales, d * <f32>sumLanesI32(sums), 16);
  }
}

/** Row x [inSize] to precise form; `lane` 0 or 1. */
export function quantisePrecise(
  x: usize,
  inSize: i32,
  blockSize: i32,
  ints: usize,
  pairStride: usize,
  scales: usize,
  lane: usize,
): void {
  const blockBytes = (<usize>blockSize) << 2;
  const round = rounder();
  const fine = f32x4.splat(32768.0);
  scales += lane << 3;
  for (let end = x + ((<usize>inSize) << 2); x < end; x += blockBytes, scales += 32) {
    // max|x| in [2^e, 2^(e+1)) is scaled to [2^13, 2^14), so that h and l never saturate.
    const exponent = reinterpret<i32>(blockMax(x, blockBytes)) >>> 23;
    const tooSmall = exponent < 14; // under 2^-113: zero for any purpose, and the inverse would overflow
    const inverse = f32x4.splat(tooSmall ? 0 : reinterpret<f32>((267 - exponent) << 23));
    let highSums = i32x4.splat(0);
    let lowSums = highSums;
    for (let at: usize = 0; at < blockBytes; at += 32) {
      const a = f32x4.mul(v128.load(x + at), inverse);
      const b = f32x4.mul(v128.load(x + at, 16), inverse);
      const aRounded = f32x4.add(a, round);
      const bRounded = f32x4.add(b, round);
      const aHigh = i32x4.sub(aRounded, round);
      const bHigh = i32x4.sub(bRounded, round);
      const aRest = f32x4.sub(a, f32x4.sub(aRounded, round));
      const bRest = f32x4.sub(b, f32x4.sub(bRounded, round));
      const aLow = i32x4.sub(f32x4.add(f32x4.mul(aRest, fine), round), round);
      const bLow = i32x4.sub(f32x4.add(f32x4.mul(bRest, fine), round), round);
      highSums = i32x4.add(highSums, i32x4.add(aHigh, bHigh));
      lowSums = i32x4.add(lowSums, i32x4.add(aLow, bLow));
      storePairs(ints, pairStride, i16x8.narrow_i32x4_s(aHigh, bHigh));
      storePairs(ints + 4, pairStride, i16x8.narrow_i32x4_s(aLow, bLow));
      ints += pairStride << 2;
    }
    // 2^(exponent - 140 - 15); the block that holds an infinity or NaN stays NaN.
    let s = tooSmall ? 0 : reinterpret<f64>((<u64>(exponent - 155 + 1023)) << 52);
    if (exponent == 255) s = NaN;
    store<f64>(scales, s);
    store<f64>(scales, s * (32768.0 * <f64>sumLanesI32(highSums) + <f64>sumLanesI32(lowSums)), 16);
  }
}

@inline
function blockMax(x: usize, blockBytes: usize): f32 {
  let maxAbs = f32x4.splat(0);
  for (let at: usize = 0; at < blockBytes; at += 32) {
    maxAbs = f32x4.pmax(maxAbs, f32x4.abs(v128.load(x + at)));
    maxAbs = f32x4.pmax(maxAbs, f32x4.abs(v128.load(x + at, 16)));
  }
  return maxLanes(maxAbs);
}

@inline
function storePairs(ints: usize, pairStride: usize, pairs: v128): void {
  v128.store_lane<u32>(ints, pairs, 0);
  v128.store_lane<u32>(ints + pairStride, pairs, 1);
  v128.store_lane<u32>(ints + 2 * pairStride, pairs, 2);
  v128.store_lane<u32>(ints + 3 * pairStride, pairs, 3);
}
