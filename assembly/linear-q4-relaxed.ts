// 4-bit weights in the relaxed build, where precision is `fast`: activations in 8 bits (as llama.cpp keeps them)
// and the relaxed dot product of int8 by int7. Nothing here exists in the strict build. Measured difference:
// docs/numerics.md. Mirrors: linear-q4.ts and tile.ts, same records, same order of blocks.
//
// A nibble mask on the packed record leaves, per row, four bytes: columns 0, 4, 1, 5 of each 8, and after a shift
// columns 2, 6, 3, 7. Activations are stored in that order. A dot product gives sums of two products, at most
// 2 · 127 · 15; the 8 of a block fit int16: 30480.

import { addFast } from './blocks';
import { aheadOf, minimum4, nibblesOf, readLines, scale4, storeScales } from './linear-q4';
import { Q4, Q4_PLAIN, Q4_WIDE } from './memory';
import { maxLanes, minusEight, nibbleBytes, onePairs, rounder, sumLanesI32 } from './simd';

/** Order of 8 columns, as a shuffle of two vectors of four whole numbers after narrowing to bytes. */
@inline
function inOrder(bytes: v128): v128 {
  return v128.shuffle<u8>(bytes, bytes, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
}

/**
 * Row x [inSize] to bytes: x ≈ d · q, d = max|x| / 127 of a block of 32; four columns every `quadStride` bytes.
 * Scales as in quantise.ts.
 */
export function quantiseBytes(
  x: usize,
  inSize: i32,
  ints: usize,
  quadStride: usize,
  scales: usize,
  lane: usize,
): void {
  const round = rounder();
  scales += lane << 2;
  for (let end = x + ((<usize>inSize) << 2); x < end; x += 128, scales += 32) {
    let max4 = f32x4.splat(0);
    for (let at: usize = 0; at < 128; at += 16) max4 = f32x4.pmax(max4, f32x4.abs(v128.load(x + at)));
    const maxAbs = maxLanes(max4);
    const inverse = f32x4.splat(maxAbs == 0 ? 0 : <f32>127.0 / maxAbs);
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
    const d = maxAbs * <f32>(1.0 / 127.0);
    store<f32>(scales, d);
    store<f32>(scales, d * <f32>sumLanesI32(sums), 16);
  }
}

/**
 * True where one instruction adds four products of bytes to an int32 (x86 with VNNI, ARM with dot products): then a
 * tile takes three quarters of the time. Elsewhere that step is built from three, and products summed in int16 first
 * are faster. The three give themselves away: their int16 sums saturate, at operands that kernels never have. Sums are
 * exact either way, so a machine's choice changes no bit.
 */
const hasByteDot: bool = findByteDot();

function findByteDot(): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return false;
  const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(127), i8x16.splat(-1), i32x4.splat(0));
  return i32x4.extract_lane(sums, 0) != 2 * 32767;
}

/** sums + products of int8 x and nibbles w: fours in int32 lanes where `direct`, else pairs in int16 lanes. */
@inline
function dotBytes(direct: bool, w: v128, x: v128, sums: v128): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return unreachable(); // has no caller, and must not have the instruction
  if (direct) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sums);
  return i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, w));
}

/** Sums of `dotBytes` as four int32. */
@inline
function fours(direct: bool, sums: v128): v128 {
  return direct ? sums : i32x4.dot_i16x8_s(sums, onePairs());
}

@inline
function rowBytes(
  kind: i32,
  direct: bool,
  out: usize,
  group: usize,
  numBlocks: i32,
  ints: usize,
  scales: usize,
): void {
  const nibbles = nibblesOf(kind);
  const recordBytes = nibbles + 128;
  const mask = nibbleBytes();
  const minus8 = minusEight();
  const ahead = aheadOf(group, <usize>numBlocks * recordBytes);
  let sink: i32 = 0;
  let sums0 = f32x4.splat(0);
  let sums1 = sums0;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    sink += readLines(group + ahead);
    let whole0 = i32x4.splat(0);
    let whole1 = whole0;
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles);
      const w1 = v128.load(group + t * 32 + nibbles, 16);
      let x = v128.load32_splat(ints + t * 8);
      whole0 = dotBytes(direct, v128.and(w0, mask), x, whole0);
      whole1 = dotBytes(direct, v128.and(w1, mask), x, whole1);
      x = v128.load32_splat(ints + t * 8, 4);
      whole0 = dotBytes(direct, v128.and(i16x8.shr_u(w0, 4), mask), x, whole0);
      whole1 = dotBytes(direct, v128.and(i16x8.shr_u(w1, 4), mask), x, whole1);
    }
    const xScale = v128.load32_splat(scales);
    let xSum = v128.load32_splat(scales, 16);
    if (kind == Q4_PLAIN) xSum = f32x4.mul(xSum, minus8);
    const d0 = scale4(kind, group, 0);
    const d1 = scale4(kind, group, 1);
    sums0 = addFast(sums0, fours(direct, whole0), d0, minimum4(kind, group, 0, d0), xScale, xSum);
    sums1 = addFast(sums1, fours(direct, whole1), d1, minimum4(kind, group, 1, d1), xScale, xSum);
    ints += 32;
    scales += 32;
  }
  store<i32>(out, sink, 32);
  v128.store(out, sums0);
  v128.store(out, sums1, 16);
}

/** out [8] = row · group; the row as bytes, quad stride 4. */
export function q4Bytes(
  kind: i32,
  out: usize,
  group: usize,
  numBlocks: i32,
  ints: usize,
  scales: usize,
): void {
  if (kind == Q4) q4RowBytes(out, group, numBlocks, ints, scales);
  else if (kind == Q4_PLAIN) plainRowBytes(out, group, numBlocks, ints, scales);
  else wideRowBytes(out, group, numBlocks, ints, scales);
}
function q4RowBytes(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  if (hasByteDot) rowBytes(Q4, true, out, group, numBlocks, ints, scales);
  else rowBytes(Q4, false, out, group, numBlocks, ints, scales);
}
function plainRowBytes(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  if (hasByteDot) rowBytes(Q4_PLAIN, true, out, group, numBlocks, ints, scales);
  else rowBytes(Q4_PLAIN, false, out, group, numBlocks, ints, scales);
}
function wideRowBytes(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  if (hasByteDot) rowBytes(Q4_WIDE, true, out, group, numBlocks, ints, scales);
  else rowBytes(Q4_WIDE, false, out, group, numBlocks, ints, scales);
}

/** A group as a panel of bytes: per block 8 × f32 d │ 8 × f32 m │ per quad of columns { rows 0-3 │ rows 4-7 }. */
export function q4UnpackBytes(kind: i32, panel: usize, group: usize, numBlocks: i32): void {
  const nibbles = nibblesOf(kind);
  const mask = nibbleBytes();
  for (let b = 0; b < numBlocks; b++, group += nibbles + 128, panel += 320) {
    storeScales(kind, panel, group);
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

/** Sums of one block of one row of the tile, scaled and added to its eight results. */
@inline
function addRow(
  direct: bool,
  out: usize,
  low: v128,
  high: v128,
  d0: v128,
  d1: v128,
  m0: v128,
  m1: v128,
  scales: usize,
): void {
  const xScale = v128.load32_splat(scales);
  const xSum = v128.load32_splat(scales, 16);
  v128.store(out, addFast(v128.load(out), fours(direct, low), d0, m0, xScale, xSum));
  v128.store(out, addFast(v128.load(out, 16), fours(direct, high), d1, m1, xScale, xSum), 16);
}

@inline
function tile(direct: bool, out: usize, panel: usize, numBlocks: i32, ints: usize, scales: usize): void {
  for (let i: usize = 0; i < 128; i += 16) v128.store(out + i, f32x4.splat(0));
  for (let b = 0; b < numBlocks; b++, scales += 32) {
    const block = panel;
    panel += 64;
    let x0low = i32x4.splat(0);
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
      x0low = dotBytes(direct, w0, x, x0low);
      x0high = dotBytes(direct, w1, x, x0high);
      x = v128.load32_splat(ints, 4);
      x1low = dotBytes(direct, w0, x, x1low);
      x1high = dotBytes(direct, w1, x, x1high);
      x = v128.load32_splat(ints, 8);
      x2low = dotBytes(direct, w0, x, x2low);
      x2high = dotBytes(direct, w1, x, x2high);
      x = v128.load32_splat(ints, 12);
      x3low = dotBytes(direct, w0, x, x3low);
      x3high = dotBytes(direct, w1, x, x3high);
    }
    const d0 = v128.load(block);
    const d1 = v128.load(block, 16);
    const m0 = v128.load(block, 32);
    const m1 = v128.load(block, 48);
    addRow(direct, out, x0low, x0high, d0, d1, m0, m1, scales);
    addRow(direct, out + 32, x1low, x1high, d0, d1, m0, m1, scales + 4);
    addRow(direct, out + 64, x2low, x2high, d0, d1, m0, m1, scales + 8);
    addRow(direct, out + 96, x3low, x3high, d0, d1, m0, m1, scales + 12);
  }
}

/** out [4 rows of x][8] = tile · panel, bytes. */
export function tileBytes(out: usize, panel: usize, numBlocks: i32, ints: usize, scales: usize): void {
  if (hasByteDot) tile(true, out, panel, numBlocks, ints, scales);
  else tile(false, out, panel, numBlocks, ints, scales);
}
