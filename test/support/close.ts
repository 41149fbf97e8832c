// Comparing numbers: one assertion that says where two arrays differ most, and by how much.

import { expect } from 'vitest';

/** Largest |actual - expected|, where it is, and the two values. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  expect(actual.length).toBe(expected.length);
  let worst = { index: -1, difference: 0, actual: 0, expected: 0 };
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worst.difference)) {
      worst = { index: i, difference, actual: actual[i], expected: expected[i] };
      if (Number.isNaN(difference)) return { ...worst, difference: Number.POSITIVE_INFINITY };
    }
  }
  return worst;
}

/** Fails with index and both values when two arrays are further apart than `tolerance` anywhere. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
) {
  const worst = maxDifference(actual, expected);
  const message = `${what}: at ${worst.index} got ${worst.actual}, expected ${worst.expected}`;
  expect(worst.difference, message).toBeLessThanOrEqual(tolerance);
}

/** The largest magnitude in an array. */
export function maxAbs(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]));
  return max;
}

/** Unit roundoff of float64 and float32. */
export const EPS64 = 2 ** -53;
export const EPS32 = 2 ** -24;
