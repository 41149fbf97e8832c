// The head of a scorer: a weighted sum. Ridge regression for scores of 0 to 5, logistic regression for yes and no. Both
// are convex: Newton's steps, each solved by conjugate gradients, so the answer is the minimum and no seed or learning
// rate matters.

import { exp } from '../../base/math.ts';
import type { Features } from './features.ts';

export type LossName = 'ridge' | 'logistic';

export interface LinearModel {
  readonly loss: LossName;
  /** [numFeatures] */
  readonly weights: Float64Array;
  readonly bias: number;
}

export interface LinearOptions {
  readonly loss: LossName;
  /** What a large weight costs: `penalty / 2 · |weights|²` beside the sum of losses of all rows. */
  readonly penalty: number;
  readonly numFeatures: number;
}

const MAX_NEWTON_STEPS = 30;
const MAX_CG_STEPS = 60;
/** Of the gradient at the beginning: when to stop. Newton's steps need not be exact to come there. */
const TOLERANCE = 1e-4;
const STEP_TOLERANCE = 0.05;

/** The sum, before the logistic curve. */
export function decision(model: LinearModel, { indices, values }: Features): number {
  let sum = model.bias;
  for (let k = 0; k < indices.length; k++) sum += model.weights[indices[k]] * values[k];
  return sum;
}

/** A score, or for logistic regression a probability. */
export function predict(model: LinearModel, features: Features): number {
  const sum = decision(model, features);
  return model.loss === 'ridge' ? sum : sigmoid(sum);
}

/**
 * Minimises the sum of losses and the penalty; the bias costs nothing.
 *
 *     ridge     ½ (sum − label)²
 *     logistic  log(1 + exp(−sum)) for label 1, log(1 + exp(sum)) for label 0
 */
export function fitLinear(
  rows: readonly Features[],
  labels: readonly number[],
  { loss, penalty, numFeatures }: LinearOptions,
): LinearModel {
  if (rows.length === 0 || rows.length !== labels.length)
    throw new RangeError(
      `labels: expected one for each of at least one text, got ${labels.length} for ${rows.length}`,
    );
  if (!(penalty > 0)) throw new RangeError(`penalty: expected a number above 0, got ${penalty}`);
  // The last place is the bias.
  const solution = new Float64Array(numFeatures + 1);
  if (loss === 'ridge') solution[numFeatures] = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  let limit = 0;
  for (let step = 0; step < MAX_NEWTON_STEPS; step++) {
    const { gradient, curvatures } = gradientOf(rows, labels, solution, loss, penalty);
    const size = norm(gradient);
    if (step === 0) limit = TOLERANCE * size;
    if (size <= limit) break;
    const direction = conjugateGradients(rows, curvatures, penalty, gradient);
    for (let i = 0; i < solution.length; i++) solution[i] -= direction[i];
  }
  return { loss, weights: solution.subarray(0, numFeatures), bias: solution[numFeatures] };
}

function gradientOf(
  rows: readonly Features[],
  labels: readonly number[],
  solution: Float64Array,
  loss: LossName,
  penalty: number,
): { gradient: Float64Array; curvatures: Float64Array } {
  const gradient = Float64Array.from(solution, (value) => penalty * value);
  gradient[gradient.length - 1] = 0;
  const curvatures = new Float64Array(rows.length);
  for (const [t, row] of rows.entries()) {
    const sum = product(row, solution);
    const predicted = loss === 'ridge' ? sum : sigmoid(sum);
    // A floor keeps the step bounded where the curve is flat.
    curvatures[t] = loss === 'ridge' ? 1 : Math.max(predicted * (1 - predicted), 1e-6);
    addScaled(gradient, row, predicted - labels[t]);
  }
  return { gradient, curvatures };
}

/** Solves (Σ curvature · row · rowᵀ + penalty) x = target. */
function conjugateGradients(
  rows: readonly Features[],
  curvatures: Float64Array,
  penalty: number,
  target: Float64Array,
): Float64Array {
  const x = new Float64Array(target.length);
  const rest = target.slice();
  const direction = target.slice();
  let square = dot(rest, rest);
  const limit = square * STEP_TOLERANCE * STEP_TOLERANCE;
  for (let step = 0; step < MAX_CG_STEPS && square > limit; step++) {
    const image = Float64Array.from(direction, (value) => penalty * value);
    image[image.length - 1] = 0;
    for (const [t, row] of rows.entries()) addScaled(image, row, curvatures[t] * product(row, direction));
    const length = square / dot(direction, image);
    for (let i = 0; i < x.length; i++) {
      x[i] += length * direction[i];
      rest[i] -= length * image[i];
    }
    const before = square;
    square = dot(rest, rest);
    for (let i = 0; i < x.length; i++) direction[i] = rest[i] + (square / before) * direction[i];
  }
  return x;
}

/** With the bias, which every row has as 1 in the last place. */
function product({ indices, values }: Features, vector: Float64Array): number {
  let sum = vector[vector.length - 1];
  for (let k = 0; k < indices.length; k++) sum += values[k] * vector[indices[k]];
  return sum;
}

function addScaled(vector: Float64Array, { indices, values }: Features, scale: number): void {
  for (let k = 0; k < indices.length; k++) vector[indices[k]] += scale * values[k];
  vector[vector.length - 1] += scale;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}
