// What a run of measurements says: the middle one, and how far the others lie from it.

import { median } from '../src/base/median.ts';

/** Median and range of repeated measurements. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Ratios of measurements taken in the same round, so that a slow moment of the machine falls on both sides. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length) {
    throw new RangeError(
      `rounds: expected as many of theirs as of ours (${ours.length}), got ${theirs.length}`,
    );
  }
  return spreadOf(ours.map((value, round) => value / theirs[round]));
}
