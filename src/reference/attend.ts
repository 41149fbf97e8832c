// Grouped-query attention over the cache. Mirror: assembly/attend.ts.

import { exp, log } from '../base/math.ts';
import type { Sequence } from '../ops.ts';
import type { AttentionRecord, HeadShape } from '../ops-backward.ts';
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

/**
 * Attention of rows over the rows of their own sequence, without a cache: what training uses. Fills
 * record.out and record.logSums.
 *
 *     logSums[t, h] = log Σ over p of exp(score[p])
 */
export function attendRows(
  { q, k, v, out, logSums }: AttentionRecord<Float64Array>,
  heads: HeadShape,
  sequences: readonly Sequence[],
): void {
  const { numHeads, numKvHeads, headDim } = heads;
  const kvSize = numKvHeads * headDim;
  for (const { begin, count } of sequences) {
    const rows = (x: Float64Array, size: number) => x.subarray(begin * size, (begin + count) * size);
    const cache = {
      ...heads,
      keys: [rows(k, kvSize)],
      values: [rows(v, kvSize)],
    } as unknown as ReferenceKvCache;
    attend(out, q, 0, [{ begin, count, startPos: 0, cache }]);
    for (let h = 0; h < numHeads; h++) {
      for (let t = 0; t < count; t++) {
        const scores = scoresOf(q, k, heads, h, begin, t);
        let max = Number.NEGATIVE_INFINITY;
        for (const score of scores) max = Math.max(max, score);
        let sum = 0;
        for (const score of scores) sum += exp(score - max);
        logSums[(begin + t) * numHeads + h] = max + log(sum);
      }
    }
  }
}

/** Scores [t + 1] of row begin + t, head h, against rows begin … begin + t. */
function scoresOf(
  q: Float64Array,
  k: Float64Array,
  { numHeads, numKvHeads, headDim }: HeadShape,
  h: number,
  begin: number,
  t: number,
): Float64Array {
  const scale = 1 / Math.sqrt(headDim);
  const kvHead = Math.floor(h / (numHeads / numKvHeads));
  const row = ((begin + t) * numHeads + h) * headDim;
  const scores = new Float64Array(t + 1);
  for (let p = 0; p <= t; p++) {
    const key = ((begin + p) * numKvHeads + kvHead) * headDim;
    let score = 0;
    for (let i = 0; i < headDim; i++) score += q[row + i] * k[key + i];
    scores[p] = score * scale;
  }
  return scores;
}

/**
 * The gradient of `attendRows` (Dao et al. 2022, appendix B.2): weights are computed again from the scores and
 * logSums; a row's softmax takes the weighted mean of the gradient away, and that mean is dOut · out.
 *
 *     weight[p] = exp(score[p] - logSum)
 *     dV[p]   += weight[p] · dOut
 *     dScore[p] = weight[p] · (dOut · v[p] - dOut · out)
 *     dQ      += Σ over p of dScore[p] · k[p] / sqrt(headDim)
 *     dK[p]   += dScore[p] · q / sqrt(headDim)
 *
 * Sums over the heads of a group run over heads ascending, then rows ascending.
 */
export function attendRowsBackward(
  dQ: Float64Array,
  dK: Float64Array,
  dV: Float64Array,
  dOut: Float64Array,
  { q, k, v, out, logSums }: AttentionRecord<Float64Array>,
  heads: HeadShape,
  sequences: readonly Sequence[],
): void {
  const { numHeads, numKvHeads, headDim } = heads;
  const scale = 1 / Math.sqrt(headDim);
  for (const { begin, count } of sequences) {
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      for (let t = 0; t < count; t++) {
        const row = ((begin + t) * numHeads + h) * headDim;
        const scores = scoresOf(q, k, heads, h, begin, t);
        const logSum = logSums[(begin + t) * numHeads + h];
        let mean = 0;
        for (let i = 0; i < headDim; i++) mean += dOut[row + i] * out[row + i];
        for (let p = 0; p <= t; p++) {
          const key = ((begin + p) * numKvHeads + kvHead) * headDim;
          const weight = exp(scores[p] - logSum);
          let dWeight = 0;
          for (let i = 0; i < headDim; i++) dWeight += dOut[row + i] * v[key + i];
          const dScore = weight * (dWeight - mean) * scale;
          for (let i = 0; i < headDim; i++) {
            dV[key + i] += weight * dOut[row + i];
            dQ[row + i] += dScore * k[key + i];
            dK[key + i] += dScore * q[row + i];
          }
        }
      }
    }
  }
}
