// The optimizer, and the norm of a gradient. Mirror: src/reference/adamw.ts. sumOfSquares: in float64 within
// a piece, two running sums (even and odd lanes), then the tail; the caller adds the pieces, ascending.

import { Worker } from '../memory';
import { upper } from '../simd';
import { arrive, claim } from '../team';

/** Values claimed at a time; a piece has one sum of squares. */
const PIECE: i32 = 4096;

/** Moments below this become zero: see MOMENT_FLOOR of src/reference/adamw.ts. */
const FLOOR: f32 = 1e-30;

/**
 * One update of [length] values; clears the gradient.
 *
 * @param keep 1 - learningRate · weightDecay
 * @param rate learningRate / (1 - beta1^t)
 * @param root sqrt(1 - beta2^t)
 */
export function adamw(
  me: Worker,
  weight: usize,
  gradient: usize,
  first: usize,
  second: usize,
  length: i32,
  gradientScale: f32,
  keep: f32,
  rate: f32,
  root: f32,
  beta1: f32,
  beta2: f32,
  eps: f32,
): void {
  const pieces = (length + PIECE - 1) / PIECE;
  const fresh1: f32 = 1 - beta1;
  const fresh2: f32 = 1 - beta2;
  for (let begin = claim(me, pieces); begin < pieces; begin = claim(me, pieces)) {
    let i = (<usize>(begin * PIECE)) << 2;
    const end = (<usize>min((begin + me.held) * PIECE, length)) << 2;
    for (; i + 16 <= end; i += 16) {
      const g = f32x4.mul(v128.load(gradient + i), f32x4.splat(gradientScale));
      const m = floored(
        f32x4.add(f32x4.mul(v128.load(first + i), f32x4.splat(beta1)), f32x4.mul(g, f32x4.splat(fresh1))),
      );
      const v = floored(
        f32x4.add(
          f32x4.mul(v128.load(second + i), f32x4.splat(beta2)),
          f32x4.mul(f32x4.mul(g, f32x4.splat(fresh2)), g),
        ),
      );
      const spread = f32x4.add(f32x4.div(f32x4.sqrt(v), f32x4.splat(root)), f32x4.splat(eps));
      const step = f32x4.div(f32x4.mul(m, f32x4.splat(rate)), spread);
      v128.store(first + i, m);
      v128.store(second + i, v);
      v128.store(weight + i, f32x4.sub(f32x4.mul(v128.load(weight + i), f32x4.splat(keep)), step));
      v128.store(gradient + i, f32x4.splat(0));
    }
    for (; i < end; i += 4) {
      const g = load<f32>(gradient + i) * gradientScale;
      let m = load<f32>(first + i) * beta1 + g * fresh1;
      let v = load<f32>(second + i) * beta2 + g * fresh2 * g;
      if (abs<f32>(m) < FLOOR) m = 0;
      if (v < FLOOR) v = 0;
      store<f32>(first + i, m);
      store<f32>(second + i, v);
      store<f32>(weight + i, load<f32>(weight + i) * keep - (m * rate) / (sqrt<f32>(v) / root + eps));
      store<f32>(gradient + i, 0);
    }
  }
  arrive(me);
}

@inline
function floored(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(FLOOR)));
}

/** sums [ceil(length / 4096)] f64: squares of each piece of x. */
export function sumOfSquares(me: Worker, sums: usize, x: usize, length: i32): void {
  const pieces = (length + PIECE - 1) / PIECE;
  for (let begin = claim(me, pieces); begin < pieces; begin = claim(me, pieces)) {
    for (let piece = begin, last = begin + me.held; piece < last; piece++) {
      let i = (<usize>(piece * PIECE)) << 2;
      const end = (<usize>min((piece + 1) * PIECE, length)) << 2;
      let squares = f64x2.splat(0);
      for (; i + 16 <= end; i += 16) {
        const four = v128.load(x + i);
        const low = f64x2.promote_low_f32x4(four);
        const high = f64x2.promote_low_f32x4(upper(four));
        squares = f64x2.add(f64x2.add(squares, f64x2.mul(low, low)), f64x2.mul(high, high));
      }
      let sum = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
      for (; i < end; i += 4) sum += <f64>load<f32>(x + i) * <f64>load<f32>(x + i);
      store<f64>(sums + ((<usize>piece) << 3), sum);
    }
  }
  arrive(me);
}
