// Many exponentials, each with the bits of exp4. One is a chain of some 25 operations, each waiting for the one
// before, and a machine that looks a hundred operations ahead has but four of them in flight. Taken in two passes,
// eight halves are; measured, with the maxima of loss.ts: cross-entropy in two thirds of the time.

import { clamped, exp4, expOf, remainder, shiftedExponent } from '../simd';

/** Bytes that are in scratch between the passes. */
const RUN: usize = 1024;

/**
 * out = e^(x · scale - shift), `bytes` (a multiple of 16) of each; out may be x.
 *
 * @param scratch 2 KB of the caller's own
 */
export function exponentials(
  out: usize,
  x: usize,
  bytes: usize,
  scale: f32,
  shift: f32,
  scratch: usize,
): void {
  const scale4 = f32x4.splat(scale);
  const shift4 = f32x4.splat(shift);
  for (const last = x + bytes; x < last; x += RUN, out += RUN) {
    const run = min(RUN, last - x);
    const pairs = run & ~31;
    for (let i: usize = 0; i < pairs; i += 32) {
      const value0 = clamped(f32x4.sub(f32x4.mul(v128.load(x + i), scale4), shift4));
      const value1 = clamped(f32x4.sub(f32x4.mul(v128.load(x + i, 16), scale4), shift4));
      const shifted0 = shiftedExponent(value0);
      const shifted1 = shiftedExponent(value1);
      const remainder0 = remainder(value0, shifted0);
      const remainder1 = remainder(value1, shifted1);
      v128.store(scratch + i, remainder0);
      v128.store(scratch + i, remainder1, 16);
      v128.store(scratch + i, shifted0, RUN);
      v128.store(scratch + i, shifted1, RUN + 16);
    }
    for (let i: usize = 0; i < pairs; i += 32) {
      const power0 = expOf(v128.load(scratch + i), v128.load(scratch + i, RUN));
      const power1 = expOf(v128.load(scratch + i, 16), v128.load(scratch + i, RUN + 16));
      v128.store(out + i, power0);
      v128.store(out + i, power1, 16);
    }
    if (pairs < run)
      v128.store(out + pairs, exp4(f32x4.sub(f32x4.mul(v128.load(x + pairs), scale4), shift4)));
  }
}
