// The end of a block of columns, the same in every quantised kernel: exact whole sums are scaled and added to the
// running sums of the rows, in the order of the columns. Equal code is what makes one row and many rows equal bits.

import { madd } from './simd';

/** fast: sums + (whole · (d · xScale) + m · xSum), four rows. */
@inline
export function addFast(sums: v128, whole: v128, d: v128, m: v128, xScale: v128, xSum: v128): v128 {
  const value = f32x4.convert_i32x4_s(whole);
  const scale = f32x4.mul(d, xScale);
  if (ASC_FEATURE_RELAXED_SIMD) return madd(m, xSum, madd(value, scale, sums)); // two steps of six saved
  return f32x4.add(sums, f32x4.add(f32x4.mul(value, scale), f32x4.mul(m, xSum)));
}

/** fast, without minimum. */
@inline
export function addFastPlain(sums: v128, whole: v128, d: v128, xScale: v128): v128 {
  return madd(f32x4.convert_i32x4_s(whole), f32x4.mul(d, xScale), sums);
}

/**
 * precise: sums + ((2^15 · high + low) · (d · s) + m · xSum) for two rows, in float64. The first product is exact:
 * 42 bits of whole number times 11 bits of d (24 in wide formats, then rounded once).
 */
@inline
export function addPrecise(
  sums: v128,
  high: v128,
  low: v128,
  d: v128,
  m: v128,
  xScale: v128,
  xSum: v128,
  unit: v128,
): v128 {
  const whole = f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(high), unit), f64x2.convert_low_i32x4_s(low));
  const scaled = f64x2.mul(whole, f64x2.mul(f64x2.promote_low_f32x4(d), xScale));
  return f64x2.add(sums, f64x2.add(scaled, f64x2.mul(f64x2.promote_low_f32x4(m), xSum)));
}

/** precise, without minimum. */
@inline
export function addPrecisePlain(sums: v128, high: v128, low: v128, d: v128, xScale: v128, unit: v128): v128 {
  const whole = f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(high), unit), f64x2.convert_low_i32x4_s(low));
  return f64x2.add(sums, f64x2.mul(whole, f64x2.mul(f64x2.promote_low_f32x4(d), xScale)));
}

/** Four float64 sums as float32. */
@inline
export function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<u64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

const UNIT = memory.data<f64>([32768.0, 32768.0], 16);
/** 2^15, the weight of the high int16. */
@inline
export function highUnit(): v128 {
  return v128.load(UNIT);
}
