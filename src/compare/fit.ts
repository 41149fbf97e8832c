// How well an expectation explains observed values: each difference in units of its bound.

import type { Estimate } from './bounds.ts';

/** Observed values of one point, as far as they are known. */
export interface Observed {
  readonly values: Float64Array;
  readonly known?: Uint8Array;
  /** Half a unit of the last printed digit. */
  readonly resolution: number;
}

export interface Judgement {
  /** Largest difference over its bound; at most 1 when everything is explained. */
  readonly worst: number;
  /** Index of the worst value. */
  readonly at: number;
  /** Values over their bound, and values judged. */
  readonly numOver: number;
  readonly numKnown: number;
  /** Σ (ratio - 1)² over the values that are over their bound. */
  readonly excess: number;
  /** Mean ratio, to tell two full explanations apart. */
  readonly mean: number;
}

/** Ratios are cut here, so that one value with a bound of nothing does not hide the others. */
const MAX_RATIO = 1e8;

/** |observed - expected| over the bound, for one value; NaN and infinities are as far off as can be. */
export function ratioAt(observed: Observed, estimate: Estimate, i: number): number {
  const difference = Math.abs(observed.values[i] - estimate.values[i]);
  if (difference === 0) return 0;
  const ratio = difference / ((estimate.slack?.[i] ?? 0) + observed.resolution);
  return ratio < MAX_RATIO ? ratio : MAX_RATIO;
}

export function judge(observed: Observed, estimate: Estimate): Judgement {
  let worst = 0;
  let at = 0;
  let numOver = 0;
  let numKnown = 0;
  let excess = 0;
  let sum = 0;
  for (let i = 0; i < observed.values.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    const ratio = ratioAt(observed, estimate, i);
    numKnown++;
    sum += ratio;
    if (ratio > 1) {
      numOver++;
      excess += (ratio - 1) ** 2;
    }
    if (ratio > worst) {
      worst = ratio;
      at = i;
    }
  }
  return { worst, at, numOver, numKnown, excess, mean: numKnown > 0 ? sum / numKnown : 0 };
}

/** Share of the unexplained energy that another expectation explains: 1 all, 0 none. */
export function fitOf(before: Judgement, after: Judgement): number {
  if (before.excess === 0) return 0;
  return Math.max(0, 1 - after.excess / before.excess);
}
