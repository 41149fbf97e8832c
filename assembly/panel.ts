// The float kernel of three operations: up to four rows of floats times a panel of eight columns.
//
//     out[r][c] = Σ over k of a[r][k] · b[k][c]        r < rows ≤ 4, c < 8, k in order, one sum per result
//
// Dense weights: a = activations, b = 8 weight rows, k = column. Attention scores: a = queries, b = the keys of 8
// positions, k = head dimension. Attention values: a = weights, b = 8 dimensions of the values, k = position.
// The panel is f32, f16, bf16 or int8 and is widened exactly as it is read (HALF: times 2^-112). Per result the
// arithmetic does not depend on the number of rows. Two madd per k and row on 32 bytes of panel (16, 8).

import { BF16, F16, F32, HALF, INT8 } from './memory';
import { halfMask, halfUnit, madd } from './simd';

/** Bytes of eight values. */
@inline
export function eightBytes(kind: i32): usize {
  return kind == F32 ? 32 : kind == INT8 ? 8 : 16;
}

/** Values 0 to 3 or 4 to 7 of a row of the panel. Constant offsets: V8 folds them into a load, but not a sum. */
@inline
function four(kind: i32, b: usize, isHigh: bool, mask: v128, unit: v128): v128 {
  if (kind == F32) return isHigh ? v128.load(b, 16) : v128.load(b);
  if (kind == BF16) return i32x4.shl(isHigh ? v128.load16x4_u(b, 8) : v128.load16x4_u(b), 16);
  if (kind == INT8) {
    const eightInts = v128.load8x8_s(b);
    if (isHigh) return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(eightInts));
    return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(eightInts));
  }
  const half = v128.and(i32x4.shl(isHigh ? v128.load16x4_s(b, 8) : v128.load16x4_s(b), 13), mask);
  return kind == F16 ? f32x4.mul(half, unit) : half;
}

@inline
function eight(
  kind: i32,
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  let row0low = f32x4.splat(0);
  let row0high = row0low;
  let row1low = row0low;
  let row1high = row0low;
  let row2low = row0low;
  let row2high = row0low;
  let row3low = row0low;
  let row3high = row0low;
  const a1 = a + aStride;
  const a2 = a1 + aStride;
  const a3 = a2 + aStride;
  const bytes = eightBytes(kind);
  const mask = halfMask(); // before the loop: V8 would load a constant at every use
  const unit = halfUnit();
  for (let k: usize = 0, end = (<usize>count) << 2; k < end; k += 4, b += bytes) {
    let low: v128;
    let high: v128;
    if (kind == INT8) {
      const eightInts = v128.load8x8_s(b);
      low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(eightInts));
      high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(eightInts));
    } else {
      low = four(kind, b, false, mask, unit);
      high = four(kind, b, true, mask, unit);
    }
    let x = v128.load32_splat(a + k);
    row0low = madd(x, low, row0low);
    row0high = madd(x, high, row0high);
    if (rows > 1) {
      x = v128.load32_splat(a1 + k);
      row1low = madd(x, low, row1low);
      row1high = madd(x, high, row1high);
    }
    if (rows > 2) {
      x = v128.load32_splat(a2 + k);
      row2low = madd(x, low, row2low);
      row2high = madd(x, high, row2high);
    }
    if (rows > 3) {
      x = v128.load32_splat(a3 + k);
      row3low = madd(x, low, row3low);
      row3high = madd(x, high, row3high);
    }
  }
  storeEight(out, row0low, row0high);
  if (rows > 1) storeEight(out + outStride, row1low, row1high);
  if (rows > 2) storeEight(out + 2 * outStride, row2low, row2high);
  if (rows > 3) storeEight(out + 3 * outStride, row3low, row3high);
}

@inline
function storeEight(out: usize, low: v128, high: v128): void {
  v128.store(out, low);
  v128.store(out, high, 16);
}

@inline
function anyRows(
  kind: i32,
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  if (rows == 4) eight(kind, 4, out, outStride, a, aStride, b, count);
  else if (rows == 3) eight(kind, 3, out, outStride, a, aStride, b, count);
  else if (rows == 2) eight(kind, 2, out, outStride, a, aStride, b, count);
  else eight(kind, 1, out, outStride, a, aStride, b, count);
}

// One function per kind: as branches of one function, the optimiser would fold them into a loop that asks at each step.
function f32Rows(
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  anyRows(F32, rows, out, outStride, a, aStride, b, count);
}
function f16Rows(
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  anyRows(F16, rows, out, outStride, a, aStride, b, count);
}
function bf16Rows(
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  anyRows(BF16, rows, out, outStride, a, aStride, b, count);
}
function halfRows(
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  anyRows(HALF, rows, out, outStride, a, aStride, b, count);
}
function int8Rows(
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  anyRows(INT8, rows, out, outStride, a, aStride, b, count);
}

/**
 * out [rows][8] = a [rows][count] · b [count][8].
 *
 * @param kind      of the panel: F32, F16, BF16, INT8 or HALF (see memory.ts)
 * @param outStride bytes from one row of out to the next; likewise aStride
 */
export function panelOf8(
  kind: i32,
  rows: i32,
  out: usize,
  outStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  count: i32,
): void {
  if (kind == F32) f32Rows(rows, out, outStride, a, aStride, b, count);
  else if (kind == F16) f16Rows(rows, out, outStride, a, aStride, b, count);
  else if (kind == BF16) bf16Rows(rows, out, outStride, a, aStride, b, count);
  else if (kind == HALF) halfRows(rows, out, outStride, a, aStride, b, count);
  else int8Rows(rows, out, outStride, a, aStride, b, count);
}

@inline
function oneRow(kind: i32, out: usize, a: usize, b: usize, bStride: usize, count: i32): void {
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  let low2 = low0;
  let high2 = low0;
  let low3 = low0;
  let high3 = low0;
  const bytes = eightBytes(kind);
  const mask = halfMask();
  const unit = halfUnit();
  let b1 = b + bStride;
  let b2 = b1 + bStride;
  let b3 = b2 + bStride;
  for (let end = a + ((<usize>count) << 2); a < end; a += 4) {
    const x = v128.load32_splat(a);
    low0 = madd(x, four(kind, b, false, mask, unit), low0);
    high0 = madd(x, four(kind, b, true, mask, unit), high0);
    low1 = madd(x, four(kind, b1, false, mask, unit), low1);
    high1 = madd(x, four(kind, b1, true, mask, unit), high1);
    low2 = madd(x, four(kind, b2, false, mask, unit), low2);
    high2 = madd(x, four(kind, b2, true, mask, unit), high2);
    low3 = madd(x, four(kind, b3, false, mask, unit), low3);
    high3 = madd(x, four(kind, b3, true, mask, unit), high3);
    b += bytes;
    b1 += bytes;
    b2 += bytes;
    b3 += bytes;
  }
  v128.store(out, low0);
  v128.store(out, high0, 16);
  v128.store(out, low1, 32);
  v128.store(out, high1, 48);
  v128.store(out, low2, 64);
  v128.store(out, high2, 80);
  v128.store(out, low3, 96);
  v128.store(out, high3, 112);
}

function f32Row(out: usize, a: usize, b: usize, bStride: usize, count: i32): void {
  oneRow(F32, out, a, b, bStride, count);
}
function halfRow(out: usize, a: usize, b: usize, bStride: usize, count: i32): void {
  oneRow(HALF, out, a, b, bStride, count);
}
function int8Row(out: usize, a: usize, b: usize, bStride: usize, count: i32): void {
  oneRow(INT8, out, a, b, bStride, count);
}

/**
 * out [32] = a [count] · four panels, `bStride` bytes apart: for a single row, whose two sums per panel would wait
 * for each other (measured: 7.6 against 17 G multiply-adds per second). Same bits as panelOf8.
 */
export function fourPanels(kind: i32, out: usize, a: usize, b: usize, bStride: usize, count: i32): void {
  if (kind == F32) f32Row(out, a, b, bStride, count);
  else if (kind == HALF) halfRow(out, a, b, bStride, count);
  else int8Row(out, a, b, bStride, count);
}
