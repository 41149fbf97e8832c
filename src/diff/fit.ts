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
  return Number.isNaN(ratio) ? MAX_RATIO : Math.min(ratio, MAX_RATIO);
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

/**
 * Bounds near zero would make single values decide: each is raised to this share of their root mean square.
 */
const SLACK_FLOOR = 1e-3;

/**
 * Energy of observed - expected, in units of another expectation's bounds: for two expectations side by side,
 * where one with wider bounds must not look better for them. `counts` picks the values that count.
 */
export function energyIn(
  observed: Observed,
  estimate: Estimate,
  units: Estimate,
  counts: (i: number) => boolean = () => true,
): number {
  const unit = unitsOf(observed, units);
  let energy = 0;
  for (let i = 0; i < observed.values.length; i++) {
    if ((observed.known && !observed.known[i]) || !counts(i)) continue;
    energy += ((observed.values[i] - estimate.values[i]) / unit(i)) ** 2;
  }
  return energy;
}

/** after - before laid along observed - before, in units of the bounds of `before`: cosine, and share of its length. */
export function projectionIn(observed: Observed, after: Estimate, before: Estimate) {
  const unit = unitsOf(observed, before);
  let [both, seenSquares, saidSquares] = [0, 0, 0];
  for (let i = 0; i < observed.values.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    const seen = (observed.values[i] - before.values[i]) / unit(i);
    const said = (after.values[i] - before.values[i]) / unit(i);
    both += seen * said;
    seenSquares += seen * seen;
    saidSquares += said * said;
  }
  return { along: both / Math.sqrt(seenSquares * saidSquares || 1), reach: both / (seenSquares || 1) };
}

function unitsOf(observed: Observed, units: Estimate): (i: number) => number {
  const slack = units.slack ?? new Float64Array(observed.values.length);
  const meanSquare = slack.reduce((sum, value) => sum + value * value, 0) / slack.length;
  const floor = SLACK_FLOOR * Math.sqrt(meanSquare) + observed.resolution + Number.MIN_VALUE;
  return (i) => slack[i] + floor;
}

/**
 * Share of the unexplained that another expectation explains: 1 all, 0 none. Within its own bounds it must
 * leave little over, and in the bounds of the first it must also come nearer: up to a quarter of the energy
 * may be left, for faults that barely stand out of the noise.
 */
export function fitOf(observed: Observed, before: Estimate, after: Estimate): number {
  const excess = judge(observed, before).excess;
  if (excess === 0) return 0;
  const own = 1 - judge(observed, after).excess / excess;
  // Values within the first bounds are noise under both.
  const isOver = (i: number) => ratioAt(observed, before, i) > 1;
  const left = energyIn(observed, after, before, isOver) / energyIn(observed, before, before, isOver);
  const nearer = Number.isFinite(left) ? 1 - (left - 0.25) / 0.75 : 1;
  return Math.max(0, Math.min(1, own, nearer));
}

/** Share of the energy that values may leave which fell on the other of two steps of a rounding. */
export const OTHER_STEP_LEAVES = 0.02;
