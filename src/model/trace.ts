// Observation points of a forward pass, named after the HuggingFace modules whose output they show. A watcher may
// read a value or replace it (engine.write) before the pass goes on.

import type { Vector } from '../ops.ts';

/**
 * Called at every trace point. `shape` has no batch dimension: [rows, size] for most points,
 * [rows, numHeads, headDim] for `q_rope` and `k_rope`, [numHeads, rows, positions] for `attn_probs`.
 */
export type Trace = (name: string, value: Vector, shape: readonly number[]) => void;

/**
 * A traced value as HuggingFace lays it out: a batch dimension in front, and heads before rows after RoPE.
 *
 * @param shape as the trace callback got it
 */
export function hfLayout<Values extends Float64Array | Float32Array>(
  name: string,
  values: Values,
  shape: readonly number[],
): { values: Values; shape: number[] } {
  if (!/\.[qk]_rope$/.test(name)) return { values, shape: [1, ...shape] };
  const [numRows, numHeads, headDim] = shape;
  const turned = values.slice() as Values;
  for (let t = 0; t < numRows; t++) {
    for (let h = 0; h < numHeads; h++) {
      const from = (t * numHeads + h) * headDim;
      turned.set(values.subarray(from, from + headDim), (h * numRows + t) * headDim);
    }
  }
  return { values: turned, shape: [1, numHeads, numRows, headDim] };
}
