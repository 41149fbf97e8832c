// Root-mean-square normalisation. Mirror: src/reference/rmsnorm.ts.
// Order of the sum, in float64: lane l adds i = l, l + 4, l + 8, …; then (l0 + l2) + (l1 + l3); then the tail.

import { narrow } from './blocks';
import { checkValues } from './checks';
import { Worker } from './memory';
import { upper } from './simd';
import { arrive, claim } from './team';

/** One row; out may be x. Any size. */
export function rmsNormRow(out: usize, x: usize, weight: usize, size: i32, eps: f64): void {
  const bytes = (<usize>size) << 2;
  const whole = bytes & ~15;
  let squares01 = f64x2.splat(0);
  let squares23 = squares01;
  for (let i: usize = 0; i < whole; i += 16) {
    const four = v128.load(x + i);
    const low = f64x2.promote_low_f32x4(four);
    const high = f64x2.promote_low_f32x4(upper(four));
    squares01 = f64x2.add(squares01, f64x2.mul(low, low));
    squares23 = f64x2.add(squares23, f64x2.mul(high, high));
  }
  const pairs = f64x2.add(squares01, squares23);
  let sumSquares = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
  for (let i = whole; i < bytes; i += 4) {
    const value = <f64>load<f32>(x + i);
    sumSquares += value * value;
  }
  // One rounding per result: the product of x, scale and weight is formed in float64.
  const scale = 1.0 / sqrt<f64>(sumSquares / <f64>size + eps);
  const scale2 = f64x2.splat(scale);
  for (let i: usize = 0; i < whole; i += 16) {
    const four = v128.load(x + i);
    const w = v128.load(weight + i);
    const low = f64x2.mul(f64x2.mul(f64x2.promote_low_f32x4(four), scale2), f64x2.promote_low_f32x4(w));
    const high = f64x2.mul(
      f64x2.mul(f64x2.promote_low_f32x4(upper(four)), scale2),
      f64x2.promote_low_f32x4(upper(w)),
    );
    v128.store(out + i, narrow(low, high));
  }
  for (let i = whole; i < bytes; i += 4) {
    store<f32>(out + i, <f32>(<f64>load<f32>(x + i) * scale * <f64>load<f32>(weight + i)));
  }
}

/** out [rows, size]; each row over its root mean square, times weight [size]. */
export function rmsNorm(
  me: Worker,
  out: usize,
  x: usize,
  weight: usize,
  rows: i32,
  size: i32,
  eps: f64,
): void {
  if (!ASC_NO_ASSERT) {
    checkValues(out, rows * size);
    checkValues(x, rows * size);
    checkValues(weight, size);
  }
  const rowBytes = (<usize>size) << 2;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      rmsNormRow(out + <usize>t * rowBytes, x + <usize>t * rowBytes, weight, size, eps);
    }
  }
  arrive(me);
}
