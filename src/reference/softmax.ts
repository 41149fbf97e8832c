// Softmax of one row. Mirror: assembly/attention-part.ts (`weigh`).

import { exp } from '../base/math.ts';

/**
 * Turns scores into weights that add up to one, in place.
 *
 *     row[p] = exp(row[p] - max) / Σ over p of exp(row[p] - max)
 *
 * @param row [numPositions]
 */
export function softmax(row: Float64Array): void {
  let max = Number.NEGATIVE_INFINITY;
  for (const score of row) max = Math.max(max, score);
  let sum = 0;
  for (let p = 0; p < row.length; p++) {
    row[p] = exp(row[p] - max);
    sum += row[p];
  }
  for (let p = 0; p < row.length; p++) row[p] /= sum;
}
