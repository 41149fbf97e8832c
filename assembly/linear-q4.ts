// One row of activations times a group of 8 rows of 4-bit weights (Q4_1; plain, without minima: Q4_0; with
// wide scales: Q4_K). Mirror: src/reference/linear.ts over src/quant. Order: exact whole sums in a block,
// blocks in the order of the columns.
//
// Record of 8 rows × 32 columns, 160 bytes (plain 144, wide 192):
//
//   8 × d (f16; wide f32) │ 8 × m (not in plain) │ 4 × { rows 0-3: 16 bytes │ rows 4-7: 16 bytes }
//
// The minimum of plain weights is -8 d: the sum of the activations takes the -8, once for all rows.
//
// 16-bit lane j of 16-byte vector t: nibble p is row j / 2, column 8 t + 2 p + (j & 1). So a mask leaves pairs of
// columns of four rows as int16, one dot product away from four sums, and no lanes are ever mixed.
// Per record: 256 multiply-adds on 160 bytes. inSize % 32 == 0.

import { addFast, addPrecise, highUnit, narrow } from './blocks';
import { Q4, Q4_PLAIN, Q4_WIDE } from './memory';
import { dotPairs, halves4, minusEight, minusEight64, plane0, plane1, plane2, upper } from './simd';

/** Where the nibbles of a record begin; 128 bytes, and it ends. */
@inline
export function nibblesOf(kind: i32): usize {
  return kind == Q4_WIDE ? 64 : kind == Q4 ? 32 : 16;
}

/** Scales of rows 0 to 3 (index 0) or 4 to 7 (1) of a record. */
@inline
export function scale4(kind: i32, record: usize, index: usize): v128 {
  return kind == Q4_WIDE ? v128.load(record + index * 16) : halves4(record + index * 8);
}

/**
 * What Σ x of a block is multiplied by for the minima of four rows with the scales d. In plain records d itself, and
 * the sum takes the -8: the same bits, since a power of two rounds nothing.
 */
@inline
export function minimum4(kind: i32, record: usize, index: usize, d: v128): v128 {
  return kind == Q4_PLAIN ? d : scale4(kind, record, index + 2);
}

/** How far ahead of its work a kernel reads: from here on memory is in time, and first-level caches still hold it. */
const AHEAD: usize = 640;

/** AHEAD, or 0 at the end of memory. */
@inline
export function aheadOf(group: usize, groupBytes: usize): usize {
  return ((<usize>memory.size()) << 16) - group < groupBytes + AHEAD + 192 ? 0 : AHEAD;
}

/**
 * The lines of a record, read before they are needed: a processor that is busy multiplying does not see them in time.
 * One row, weights from memory: 28 ns a record without, 24 with; 11 out of caches.
 */
@inline
export function readLines(record: usize): i32 {
  return load<i32>(record) + load<i32>(record, 64) + load<i32>(record, 128);
}

@inline
function fast(kind: i32, out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  const nibbles = nibblesOf(kind);
  const recordBytes = nibbles + 128;
  const mask0 = plane0();
  const mask1 = plane1();
  const mask2 = plane2();
  const minus8 = minusEight();
  const ahead = aheadOf(group, <usize>numBlocks * recordBytes);
  let sink: i32 = 0;
  let sums0 = f32x4.splat(0);
  let sums1 = sums0;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    sink += readLines(group + ahead);
    // Planes 1 and 2 stay where they are; their sums, multiples of 16 and 256, are shifted once per block.
    let whole0 = i32x4.splat(0);
    let whole1 = whole0;
    let by16of0 = whole0;
    let by16of1 = whole0;
    let by256of0 = whole0;
    let by256of1 = whole0;
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles);
      const w1 = v128.load(group + t * 32 + nibbles, 16);
      let x = v128.load32_splat(ints + t * 16);
      whole0 = dotPairs(v128.and(w0, mask0), x, whole0);
      whole1 = dotPairs(v128.and(w1, mask0), x, whole1);
      x = v128.load32_splat(ints + t * 16, 4);
      by16of0 = dotPairs(v128.and(w0, mask1), x, by16of0);
      by16of1 = dotPairs(v128.and(w1, mask1), x, by16of1);
      x = v128.load32_splat(ints + t * 16, 8);
      by256of0 = dotPairs(v128.and(w0, mask2), x, by256of0);
      by256of1 = dotPairs(v128.and(w1, mask2), x, by256of1);
      x = v128.load32_splat(ints + t * 16, 12);
      whole0 = dotPairs(i16x8.shr_u(w0, 12), x, whole0);
      whole1 = dotPairs(i16x8.shr_u(w1, 12), x, whole1);
    }
    whole0 = i32x4.add(whole0, i32x4.add(i32x4.shr_s(by16of0, 4), i32x4.shr_s(by256of0, 8)));
    whole1 = i32x4.add(whole1, i32x4.add(i32x4.shr_s(by16of1, 4), i32x4.shr_s(by256of1, 8)));
    const xScale = v128.load32_splat(scales);
    let xSum = v128.load32_splat(scales, 16);
    if (kind == Q4_PLAIN) xSum = f32x4.mul(xSum, minus8);
    const d0 = scale4(kind, group, 0);
    const d1 = scale4(kind, group, 1);
    sums0 = addFast(sums0, whole0, d0, minimum4(kind, group, 0, d0), xScale, xSum);
    sums1 = addFast(sums1, whole1, d1, minimum4(kind, group, 1, d1), xScale, xSum);
    ints += 64;
    scales += 32;
  }
  store<i32>(out, sink, 32); // keeps the reads from being left out
  v128.store(out, sums0);
  v128.store(out, sums1, 16);
}

@inline
function precise(kind: i32, out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  const nibbles = nibblesOf(kind);
  const recordBytes = nibbles + 128;
  const mask = plane0();
  const unit = highUnit();
  const minus8 = minusEight64();
  let sums01 = f64x2.splat(0),
    sums23 = sums01,
    sums45 = sums01,
    sums67 = sums01;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    let high0 = i32x4.splat(0),
      high1 = high0,
      low0 = high0,
      low1 = high0;
    // biome-ignore format: what is done with two groups of rows stands side by side.
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles), w1 = v128.load(group + t * 32 + nibbles, 16);
      const x = ints + t * 32;
      let n0 = v128.and(w0, mask), n1 = v128.and(w1, mask);
      let h = v128.load32_splat(x), l = v128.load32_splat(x, 4);
      high0 = dotPairs(n0, h, high0); high1 = dotPairs(n1, h, high1);
      low0 = dotPairs(n0, l, low0); low1 = dotPairs(n1, l, low1);
      n0 = v128.and(i16x8.shr_u(w0, 4), mask);
      n1 = v128.and(i16x8.shr_u(w1, 4), mask);
      h = v128.load32_splat(x, 8);
      l = v128.load32_splat(x, 12);
      high0 = dotPairs(n0, h, high0); high1 = dotPairs(n1, h, high1);
      low0 = dotPairs(n0, l, low0); low1 = dotPairs(n1, l, low1);
      n0 = v128.and(i16x8.shr_u(w0, 8), mask);
      n1 = v128.and(i16x8.shr_u(w1, 8), mask);
      h = v128.load32_splat(x, 16);
      l = v128.load32_splat(x, 20);
      high0 = dotPairs(n0, h, high0); high1 = dotPairs(n1, h, high1);
      low0 = dotPairs(n0, l, low0); low1 = dotPairs(n1, l, low1);
      n0 = i16x8.shr_u(w0, 12);
      n1 = i16x8.shr_u(w1, 12);
      h = v128.load32_splat(x, 24);
      l = v128.load32_splat(x, 28);
      high0 = dotPairs(n0, h, high0); high1 = dotPairs(n1, h, high1);
      low0 = dotPairs(n0, l, low0); low1 = dotPairs(n1, l, low1);
    }
    const xScale = v128.load64_splat(scales);
    let xSum = v128.load64_splat(scales, 16);
    if (kind == Q4_PLAIN) xSum = f64x2.mul(xSum, minus8);
    let d = scale4(kind, group, 0);
    let m = minimum4(kind, group, 0, d);
    sums01 = addPrecise(sums01, high0, low0, d, m, xScale, xSum, unit);
    sums23 = addPrecise(sums23, upper(high0), upper(low0), upper(d), upper(m), xScale, xSum, unit);
    d = scale4(kind, group, 1);
    m = minimum4(kind, group, 1, d);
    sums45 = addPrecise(sums45, high1, low1, d, m, xScale, xSum, unit);
    sums67 = addPrecise(sums67, upper(high1), upper(low1), upper(d), upper(m), xScale, xSum, unit);
    ints += 128;
    scales += 32;
  }
  v128.store(out, narrow(sums01, sums23));
  v128.store(out, narrow(sums45, sums67), 16);
}

/** out [8] = row · group; the row in fast form, pair stride 4. */
export function q4Fast(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  fast(Q4, out, group, numBlocks, ints, scales);
}
export function q4PlainFast(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  fast(Q4_PLAIN, out, group, numBlocks, ints, scales);
}
export function q4WideFast(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  fast(Q4_WIDE, out, group, numBlocks, ints, scales);
}
/** out [8] = row · group; the row in precise form, pair stride 8. */
export function q4Precise(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  precise(Q4, out, group, numBlocks, ints, scales);
}
export function q4PlainPrecise(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  precise(Q4_PLAIN, out, group, numBlocks, ints, scales);
}
export function q4WidePrecise(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  precise(Q4_WIDE, out, group, numBlocks, ints, scales);
}

/** 8 × f32 d │ 8 × f32 m, as a panel has them. */
@inline
export function storeScales(kind: i32, panel: usize, record: usize): void {
  for (let i: usize = 0; i < 2; i++) {
    const d = scale4(kind, record, i);
    v128.store(panel + i * 16, d);
    let m = minimum4(kind, record, i, d);
    if (kind == Q4_PLAIN) m = f32x4.mul(d, minusEight());
    v128.store(panel + i * 16, m, 32);
  }
}

@inline
function unpack(kind: i32, panel: usize, group: usize, numBlocks: i32): void {
  const nibbles = nibblesOf(kind);
  const recordBytes = nibbles + 128;
  const mask = plane0();
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes, panel += 576) {
    storeScales(kind, panel, group);
    for (let t: usize = 0; t < 4; t++) {
      const w0 = v128.load(group + t * 32 + nibbles);
      const w1 = v128.load(group + t * 32 + nibbles, 16);
      const pairs = panel + t * 128;
      v128.store(pairs, v128.and(w0, mask), 64);
      v128.store(pairs, v128.and(w1, mask), 80);
      v128.store(pairs, v128.and(i16x8.shr_u(w0, 4), mask), 96);
      v128.store(pairs, v128.and(i16x8.shr_u(w1, 4), mask), 112);
      v128.store(pairs, v128.and(i16x8.shr_u(w0, 8), mask), 128);
      v128.store(pairs, v128.and(i16x8.shr_u(w1, 8), mask), 144);
      v128.store(pairs, i16x8.shr_u(w0, 12), 160);
      v128.store(pairs, i16x8.shr_u(w1, 12), 176);
    }
  }
}

/** A group as a panel of tile.ts, blocks of 32. */
export function q4Unpack(kind: i32, panel: usize, group: usize, numBlocks: i32): void {
  if (kind == Q4) unpack(Q4, panel, group, numBlocks);
  else if (kind == Q4_PLAIN) unpack(Q4_PLAIN, panel, group, numBlocks);
  else unpack(Q4_WIDE, panel, group, numBlocks);
}

/** out [inSize] = row `row` (0 to 7) of the group. */
export function q4Row(kind: i32, out: usize, group: usize, numBlocks: i32, row: usize): void {
  const nibbles = nibblesOf(kind);
  for (let b = 0; b < numBlocks; b++, group += nibbles + 128) {
    const d = f32At(kind == Q4_WIDE, group, row);
    const m = kind == Q4_PLAIN ? <f32>-8.0 * d : f32At(kind == Q4_WIDE, group, row + 8);
    for (let i: usize = 0; i < 32; i++, out += 4) {
      const lane = (row & 3) * 2 + (i & 1);
      const bits = load<u16>(group + nibbles + (i >> 3) * 32 + (row >> 2) * 16 + lane * 2);
      store<f32>(out, d * <f32>((bits >> <u16>(((i & 7) >> 1) * 4)) & 15) + m);
    }
  }
}

/** Scale `index` of a record, f16 or f32. */
export function f32At(wide: bool, ptr: usize, index: usize): f32 {
  if (wide) return load<f32>(ptr + index * 4);
  return f32x4.extract_lane(halves4(ptr + index * 2), 0);
}
