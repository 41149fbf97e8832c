// Grouped-query attention over the cache. Mirror: assembly/attend.ts.

import type { Sequence } from '../ops.ts';
import type { ReferenceKvCache } from './kv-cache.ts';
import { softmax } from './softmax.ts';

/**
 * Each query head gathers the values of its own and all earlier positions, weighted by how well their keys match
 * (Vaswani et al. 2017, eq. 1; Ainslie et al. 2023 for the grouping; HF `eager_attention_forward`).
 *
 *     score[p]  = q · key[p] / sqrt(headDim)
 *     out       = Σ over p of softmax(score)[p] · value[p]
 *
 * Query head h reads key and value head floor(h / (numHeads / numKvHeads)).
 *
 * @param out   [rows, numHeads, headDim]
 * @param q     [rows, numHeads, headDim], after RoPE
 * @param probs [numHeads, rows, startPos + rows] where the weights are wanted; one sequence only
 */
export function attend(
  out: Float64Array,
  q: Float64Array,
  layer: number,
  sequences: readonly Sequence[],
  probs?: Float64Array,
): void {
  for (const { begin, count, startPos, cache } of sequences) {
    const { numHeads, numKvHeads, headDim, keys, values } = cache as ReferenceKvCache;
    const layerKeys = keys[layer];
    const layerValues = values[layer];
    const groupSize = numHeads / numKvHeads;
    const scale = 1 / Math.sqrt(headDim);
    const numPositions = startPos + count;
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / groupSize);
      for (let t = 0; t < count; t++) {
        const row = ((begin + t) * numHeads + h) * headDim;
        const weights = new Float64Array(startPos + t + 1);
        for (let p = 0; p <= startPos + t; p++) {
          const key = (p * numKvHeads + kvHead) * headDim;
          let score = 0;
          for (let i = 0; i < headDim; i++) score += q[row + i] * layerKeys[key + i];
          weights[p] = score * scale;
        }
        softmax(weights);
        out.fill(0, row, row + headDim);
        for (let p = 0; p <= startPos + t; p++) {
          const value = (p * numKvHeads + kvHead) * headDim;
          for (let i = 0; i < headDim; i++) out[row + i] += weights[p] * layerValues[value + i];
        }
        if (probs) {
          const at = (h * count + t) * numPositions;
          probs.fill(0, at, at + numPositions);
          probs.set(weights, at);
        }
      }
    }
  }
}
