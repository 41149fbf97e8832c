// Places of a dense row that differ in size by orders of magnitude (hidden states do) are brought to mean 0 and
// standard deviation 1, so that one penalty is fair to all. The scale goes into the weights afterwards.

import type { LinearModel } from './linear.ts';

export interface Standardised {
  readonly rows: readonly Float64Array[];
  /** The weights of a model that was fitted on these rows, for the rows as they were. */
  back(model: LinearModel): LinearModel;
}

/** @param rows [numRows] of one length; a place that never changes becomes 0 */
export function standardised(rows: readonly ArrayLike<number>[]): Standardised {
  const size = rows[0].length;
  const means = new Float64Array(size);
  const scales = new Float64Array(size);
  for (const row of rows) for (let i = 0; i < size; i++) means[i] += row[i] / rows.length;
  for (const row of rows) for (let i = 0; i < size; i++) scales[i] += (row[i] - means[i]) ** 2 / rows.length;
  for (let i = 0; i < size; i++) scales[i] = scales[i] === 0 ? 0 : 1 / Math.sqrt(scales[i]);
  return {
    rows: rows.map((row) => Float64Array.from(row, (value, i) => (value - means[i]) * scales[i])),
    back: (model) => {
      const weights = model.weights.map((weight, i) => weight * scales[i]);
      const shift = weights.reduce((sum, weight, i) => sum + weight * means[i], 0);
      return { ...model, weights, bias: model.bias - shift };
    },
  };
}
