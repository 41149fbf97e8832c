// 4-bit weights in the relaxed build, where precision is `fast`: activations in 8 bits (as llama.cpp keeps them)
// and the relaxed dot product of int8 by int7. Nothing here exists in the strict build. Measured difference:
// docs/numerics.md. Mirrors: linear-q4.ts and tile.ts, same records, same order of blocks.
//
// A nibble mask on the packed record leaves, per row, four bytes: columns 0, 4, 1, 5 of each 8, and after a shift
// columns 2, 6, 3, 7. Activations are stored in that order. A dot product gives sums of two products, at most
// 2 · 127 · 15; the 8 of a block fit int16: 30480.

import { addFast } from "./blocks";
import { scale4 } from "./linear-q4";
import { maxLanes, nibbleBytes, onePairs, rounder, sumLanesI32 } from "./simd";

/** Order of 8 columns, as a shuffle of two vectors of four whole numbers after narrowing to bytes. */
@inline function inOrder(bytes: v128): v128 {
  return v128.shuffle<u8>(bytes, bytes, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
}

/**
 * Row x [inSize] to bytes: x ≈ d · q, d = max|x| / 127 of a block of 32; four columns every `quadStride` bytes.
 * Scales as in quantise.ts.
 */
export function quantiseBytes(
  x: usize, inSize: i32, ints: usize, quadStride: usize, scales: usize, lane: usize,
): void {
  const round = rounder();
  scales += lane << 2;
  for (let end = x + (<usize>inSize << 2); x < end; x += 128, scales += 32) {
    let most = f32x4.splat(0);
    for (let at: usize = 0; at < 128; at += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x + at)));
    const largest = maxLanes(most);
    const inverse = f32x4.splat(largest == 0 ? 0 : <f32>127.0 / largest);
    let sums = i32x4.splat(0);
    for (let at: usize = 0; at < 128; at += 64) {
      const a = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at), inverse), round), round);
      const b = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at, 16), inverse), round), round);
      const c = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at, 32), inverse), round), round);
      const d = i32x4.sub(f32x4.add(f32x4.mul(v128.load(x + at, 48), inverse), round), round);
      sums = i32x4.add(sums, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
      const q = inOrder(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
      v128.store_lane<u32>(ints, q, 0);
      v128.store_lane<u32>(ints + quadStride, q, 1);
      v128.store_lane<u32>(ints + 2 * quadStride, q, 2);
      v128.store_lane<u32>(ints + 3 * quadStride, q, 3);
      ints += 4 * quadStride;
    }
    const d = largest * <f32>(1.0 / 127.0);
    store<f32>(scales, d);
    store<f32>(scales, d * <f32>sumLanesI32(sums), 16);
  }
}

/** sums + pairs of products of int8 x and nibbles w. */
@inline function dotBytes(w: v128, x: v128, sums: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w));
  return unreachable(); // the strict build has no caller, and must not have the instruction
}

/** Pairs of neighbouring int16 sums as four int32. */
@inline function pairSums(sums: v128): v128 { return i32x4.dot_i16x8_s(sums, onePairs()); }

@inline function rowBytes(
  wide: bool, out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize,
): void {
  const nibbles: usize = wide ? 64 : 32;
  const recordBytes: usize = nibbles + 128;
  const mask = nibbleBytes();
  let sums0 = f32x4.splat(0);
  let sums1 = sums0;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    let pairs0 = i16x8.splat(0);
    let pairs1 = pairs0;
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles);
      const w1 = v128.load(group + t * 32 + nibbles, 16);
      let x = v128.load32_splat(ints + t * 8);
      pairs0 = dotBytes(v128.and(w0, mask), x, pairs0);
      pairs1 = dotBytes(v128.and(w1, mask), x, pairs1);
      x = v128.load32_splat(ints + t * 8, 4);
      pairs0 = dotBytes(v128.and(i16x8.shr_u(w0, 4), mask), x, pairs0);
      pairs1 = dotBytes(v128.and(i16x8.shr_u(w1, 4), mask), x, pairs1);
    }
    const xScale = v128.load32_splat(scales);
    const xSum = v128.load32_splat(scales, 16);
    sums0 = addFast(sums0, pairSums(pairs0), scale4(wide, group, 0), scale4(wide, group, 2), xScale, xSum);
    sums1 = addFast(sums1, pairSums(pairs1), scale4(wide, group, 1), scale4(wide, group, 3), xScale, xSum);
    ints += 32;
    scales += 32;
  }
  v128.store(out, sums0);
  v128.store(out, sums1, 16);
}

/** out [8] = row · group; the row as bytes, quad stride 4. */
export function q4Bytes(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  rowBytes(false, out, group, numBlocks, ints, scales);
}
export function q4WideBytes(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  rowBytes(true, out, group, numBlocks, ints, scales);
}

/** A group as a panel of bytes: per block 8 × f32 d │ 8 × f32 m │ per quad of columns { rows 0-3 │ rows 4-7 }. */
export function q4UnpackBytes(wide: bool, panel: usize, group: usize, numBlocks: i32): void {
  const nibbles: usize = wide ? 64 : 32;
  const mask = nibbleBytes();
  for (let b = 0; b < numBlocks; b++, group += nibbles + 128, panel += 320) {
    for (let i: usize = 0; i < 4; i++) v128.store(panel + i * 16, scale4(wide, group, i));
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles);
      const w1 = v128.load(group + t * 32 + nibbles, 16);
      v128.store(panel + t * 64, v128.and(w0, mask), 64);
      v128.store(panel + t * 64, v128.and(w1, mask), 80);
      v128.store(panel + t * 64, v128.and(i16x8.shr_u(w0, 4), mask), 96);
      v128.store(panel + t * 64, v128.and(i16x8.shr_u(w1, 4), mask), 112);
    }
  }
}

@inline function addBytesAt(out: usize, pairs: v128, panel: usize, scales: usize): void {
  const xScale = v128.load32_splat(scales);
  const xSum = v128.load32_splat(scales, 16);
  const whole = pairSums(pairs);
  v128.store(out, addFast(v128.load(out), whole, v128.load(panel), v128.load(panel, 32), xScale, xSum));
}

/** out [4 rows of x][8] = tile · panel, bytes. */
export function tileBytes(out: usize, panel: usize, numBlocks: i32, ints: usize, scales: usize): void {
  for (let i: usize = 0; i < 128; i += 16) v128.store(out + i, f32x4.splat(0));
  for (let b = 0; b < numBlocks; b++, scales += 32) {
    const block = panel;
    panel += 64;
    let x0low = i16x8.splat(0);
    let x0high = x0low;
    let x1low = x0low;
    let x1high = x0low;
    let x2low = x0low;
    let x2high = x0low;
    let x3low = x0low;
    let x3high = x0low;
    for (let end = panel + 256; panel < end; panel += 32, ints += 16) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      let x = v128.load32_splat(ints);
      x0low = dotBytes(w0, x, x0low);
      x0high = dotBytes(w1, x, x0high);
      x = v128.load32_splat(ints, 4);
      x1low = dotBytes(w0, x, x1low);
      x1high = dotBytes(w1, x, x1high);
      x = v128.load32_splat(ints, 8);
      x2low = dotBytes(w0, x, x2low);
      x2high = dotBytes(w1, x, x2high);
      x = v128.load32_splat(ints, 12);
      x3low = dotBytes(w0, x, x3low);
      x3high = dotBytes(w1, x, x3high);
    }
    addBytesAt(out, x0low, block, scales);
    addBytesAt(out + 16, x0high, block + 16, scales);
    addBytesAt(out + 32, x1low, block, scales + 4);
    addBytesAt(out + 48, x1high, block + 16, scales + 4);
    addBytesAt(out + 64, x2low, block, scales + 8);
    addBytesAt(out + 80, x2high, block + 16, scales + 8);
    addBytesAt(out + 96, x3low, block, scales + 12);
    addBytesAt(out + 112, x3high, block + 16, scales + 12);
  }
}
