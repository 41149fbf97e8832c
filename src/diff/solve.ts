// Constants of a network read off its numbers: the frequencies of RoPE from a projection before and after it,
// theta from the frequencies, eps and weight of a norm from its input and output, the scale of attention from
// its weights.

import { log } from '../base/math.ts';

/** A fitted number and the share of the spread that it explains, at most 1. */
export interface Fitted {
  readonly value: number;
  readonly quality: number;
}

/**
 * Radians per position of each pair (halves), by complex regression of the rotated heads on the plain ones:
 * first between neighbouring positions, then over ever longer distances, where the same error of an angle
 * weighs less.
 *
 * @param before [numRows, numHeads, 2 · numPairs]
 * @param after  the same, rotated
 */
export function solveFrequencies(
  before: Float64Array,
  after: Float64Array,
  numHeads: number,
  numPairs: number,
): Float64Array | undefined {
  const numRows = before.length / numHeads / numPairs / 2;
  if (numRows < 2) return undefined;
  const frequencies = new Float64Array(numPairs);
  for (let j = 0; j < numPairs; j++) {
    const angles = Array.from({ length: numRows }, (_, t) =>
      angleBetween(before, after, t, numHeads, numPairs, j),
    );
    // Frequencies lie in (0, 1], so the first step is unambiguous; each doubling uses the last as its guess.
    let frequency = modulo(angles[1].angle - angles[0].angle);
    for (let span = 2; span < numRows; span *= 2) {
      const guess = frequency * span;
      frequency = (guess + modulo(angles[span].angle - angles[0].angle - guess)) / span;
    }
    frequencies[j] = frequency;
  }
  return frequencies;
}

function angleBetween(
  before: Float64Array,
  after: Float64Array,
  t: number,
  numHeads: number,
  numPairs: number,
  j: number,
): { angle: number } {
  const { dot, cross } = turnBetween(before, after, t, numHeads, numPairs, j);
  return { angle: Math.atan2(cross, dot) };
}

/** Parts of the rotated pair j of row t along the plain one and across it, over all heads. */
function turnBetween(
  before: Float64Array,
  after: Float64Array,
  t: number,
  numHeads: number,
  numPairs: number,
  j: number,
): { dot: number; cross: number } {
  let dot = 0;
  let cross = 0;
  for (let h = 0; h < numHeads; h++) {
    const a = (t * numHeads + h) * 2 * numPairs + j;
    const b = a + numPairs;
    dot += before[a] * after[a] + before[b] * after[b];
    cross += before[a] * after[b] - before[b] * after[a];
  }
  return { dot, cross };
}

/**
 * The position by which each row was turned: the whole number under which the plain heads come nearest to
 * the rotated
 * ones, all pairs together.
 *
 * @param before [numRows, numHeads, 2 · numPairs]
 * @param after  the same, rotated
 */
export function solvePositions(
  before: Float64Array,
  after: Float64Array,
  numHeads: number,
  frequencies: Float64Array,
): number[] {
  const numPairs = frequencies.length;
  const numRows = before.length / numHeads / numPairs / 2;
  return Array.from({ length: numRows }, (_, t) => {
    const pairs = Array.from(frequencies, (_, j) => turnBetween(before, after, t, numHeads, numPairs, j));
    const likeness = (position: number) =>
      pairs.reduce(
        (sum, { dot, cross }, j) =>
          sum + dot * Math.cos(position * frequencies[j]) + cross * Math.sin(position * frequencies[j]),
        0,
      );
    let best = { position: t, likeness: likeness(t) };
    for (let position = -FARTHEST; position < 2 * numRows + FARTHEST; position++) {
      const found = likeness(position);
      if (found > best.likeness * (1 + 1e-12)) best = { position, likeness: found };
    }
    return best.position;
  });
}

/** Positions before the first and behind the last that are looked at. */
const FARTHEST = 512;

/** The angle in (-π, π] that is the same direction. */
function modulo(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

/**
 * Theta of frequencies theta^(-j / numPairs): least squares on logarithms. An angle is as uncertain in every
 * pair, so its logarithm weighs by the square of the frequency.
 */
export function solveTheta(frequencies: Float64Array): Fitted | undefined {
  const numPairs = frequencies.length;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  let used = 0;
  for (let j = 1; j < numPairs; j++) {
    if (!(frequencies[j] > 0 && frequencies[j] < 2)) continue;
    const x = -j / numPairs;
    const y = log(frequencies[j]);
    const weight = frequencies[j] ** 2;
    xx += weight * x * x;
    xy += weight * x * y;
    yy += weight * y * y;
    used++;
  }
  if (used < Math.min(2, numPairs - 1)) return undefined;
  const slope = xy / xx;
  const missed = Math.max(0, yy - slope * xy);
  return { value: Math.exp(slope), quality: yy > 0 ? 1 - missed / yy : 0 };
}

/**
 * A number a model's author would have written: the round one within `tolerance`, or else the value itself.
 */
export function snapped(value: number, tolerance: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const digits of [1, 10]) {
    const round = (Math.round((value / power) * digits) / digits) * power;
    if (Math.abs(round / value - 1) <= tolerance) return Number(round.toPrecision(3));
  }
  return value;
}

/**
 * Weight and eps of a norm from its input and output: the weight of each channel is the regression of the
 * output on the normalised input, for the eps of a logarithmic search that leaves least over.
 *
 * @param x [numRows, size]
 * @param y [numRows, size]
 */
export function solveNorm(
  x: Float64Array,
  y: Float64Array,
  size: number,
  eps?: number,
): { weight: Float64Array; eps: number } {
  const known = eps ?? bestOf(candidatesOfEps(), (candidate) => normResidual(x, y, size, candidate).missed);
  return { weight: normResidual(x, y, size, known).weight, eps: known };
}

function candidatesOfEps(): number[] {
  return [1e-5, 1e-6, 1e-8, 1e-12, 1e-4, 9.999999747378752e-6, 9.99999997475243e-7];
}

/** The first of the candidates with the least cost. */
export function bestOf(candidates: readonly number[], cost: (candidate: number) => number): number {
  let best = candidates[0];
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const at = cost(candidate);
    if (at < least) {
      least = at;
      best = candidate;
    }
  }
  return best;
}

function normResidual(
  x: Float64Array,
  y: Float64Array,
  size: number,
  eps: number,
): { weight: Float64Array; missed: number } {
  const numRows = x.length / size;
  const scale = Float64Array.from({ length: numRows }, (_, t) => 1 / Math.sqrt(meanSquare(x, t, size) + eps));
  const weight = new Float64Array(size);
  let missed = 0;
  for (let i = 0; i < size; i++) {
    let xy = 0;
    let xx = 0;
    for (let t = 0; t < numRows; t++) {
      const value = x[t * size + i] * scale[t];
      xy += value * y[t * size + i];
      xx += value * value;
    }
    weight[i] = xx > 0 ? xy / xx : 0;
    for (let t = 0; t < numRows; t++) {
      missed += (y[t * size + i] - x[t * size + i] * scale[t] * weight[i]) ** 2;
    }
  }
  return { weight, missed };
}

/** Mean of x² over row t of x [numRows, size]. */
export function meanSquare(x: Float64Array, t: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += x[t * size + i] ** 2;
  return sum / size;
}

/**
 * Eps that a norm with known weight used: each row's scale comes from the regression of y on x · weight, and
 * 1 / scale² - mean square is eps; rows of small activations tell it best.
 */
export function solveEps(x: Float64Array, y: Float64Array, weight: Float64Array): number | undefined {
  const size = weight.length;
  let sum = 0;
  let total = 0;
  for (let t = 0; t < x.length / size; t++) {
    let xy = 0;
    let xx = 0;
    for (let i = 0; i < size; i++) {
      const plain = x[t * size + i] * weight[i];
      xy += plain * y[t * size + i];
      xx += plain * plain;
    }
    const scale = xy / xx;
    const mean = meanSquare(x, t, size);
    if (!(scale > 0) || mean === 0) continue;
    sum += (1 / (scale * scale) - mean) / (mean * mean);
    total += 1 / (mean * mean);
  }
  return total > 0 ? sum / total : undefined;
}
