// A few hundred texts in a quarter of a million places: the best weights are a sum of the texts' own rows,
// so the fit needs only what the rows say of each other (the Gram matrix). Each row becomes a short one
// with the same lengths and angles (Cholesky's factor), folds are fitted on those, and the weights are
// brought back at the end. The answer is that of the long rows, up to rounding.

import { denseFeatures, type Features } from './features.ts';
import type { LinearModel } from './linear.ts';

/** Rows that are worth it: the factor takes a third of their cube in multiplications. */
export const MAX_ROWS = 1500;
/** What a pivot may lose to rounding, as a share of its row's square: below it the row is a sum of others. */
const RANK_TOLERANCE = 1e-10;

export interface RowSpace {
  /** [numRows], each of [numRows] places. */
  readonly rows: readonly Features[];
  /** The weights of a model that was fitted on all of these rows, in the places of the long ones. */
  back(model: LinearModel): LinearModel;
}

export function rowSpace(rows: readonly Features[], numFeatures: number): RowSpace {
  const size = rows.length;
  const factor = cholesky(gramOf(rows, numFeatures), size);
  return {
    rows: rows.map((_, i) => denseFeatures(factor.subarray(i * size, (i + 1) * size))),
    back: (model) => {
      const shares = solveTransposed(factor, size, model.weights);
      const weights = new Float64Array(numFeatures);
      rows.forEach(({ indices, values }, i) => {
        for (let k = 0; k < indices.length; k++) weights[indices[k]] += shares[i] * values[k];
      });
      return { ...model, weights };
    },
  };
}

/** Products of each row with each before it, [size, size], lower half. */
function gramOf(rows: readonly Features[], numFeatures: number): Float64Array {
  const size = rows.length;
  const gram = new Float64Array(size * size);
  const spread = new Float64Array(numFeatures);
  rows.forEach(({ indices, values }, i) => {
    for (let k = 0; k < indices.length; k++) spread[indices[k]] = values[k];
    for (let j = 0; j <= i; j++) {
      const other = rows[j];
      let sum = 0;
      for (let k = 0; k < other.indices.length; k++) sum += other.values[k] * spread[other.indices[k]];
      gram[i * size + j] = sum;
    }
    for (let k = 0; k < indices.length; k++) spread[indices[k]] = 0;
  });
  return gram;
}

/** The lower factor; a column whose pivot is rounding alone stays 0. */
function cholesky(gram: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * size + j];
      for (let k = 0; k < j; k++) sum -= factor[i * size + k] * factor[j * size + k];
      if (j < i) factor[i * size + j] = factor[j * size + j] === 0 ? 0 : sum / factor[j * size + j];
      else factor[i * size + i] = sum > RANK_TOLERANCE * gram[i * size + i] ? Math.sqrt(sum) : 0;
    }
  }
  return factor;
}

/** x with factorᵀ x = right; 0 where the pivot is. */
function solveTransposed(factor: Float64Array, size: number, right: Float64Array): Float64Array {
  const x = new Float64Array(size);
  for (let i = size - 1; i >= 0; i--) {
    const pivot = factor[i * size + i];
    if (pivot === 0) continue;
    let sum = right[i];
    for (let k = i + 1; k < size; k++) sum -= factor[k * size + i] * x[k];
    x[i] = sum / pivot;
  }
  return x;
}
