// LoRA at run time (Hu et al. 2021): y = x Wᵀ + (x Aᵀ) Bᵀ with A [rank, inSize] and B [outSize, rank]. W stays as it
// is, in four bits where it is; A and B are float32, and B holds the scale. W + B A as one matrix: merge-adapter.ts of
// src/format.

import type { Vector } from '../ops.ts';
import type { Pass } from './pass.ts';
import type { LowRank } from './weights.ts';

/** out [numRows, outSize] += (x Aᵀ) Bᵀ, where there is an adapter. */
export function addLowRank({ ops, buffers, numRows }: Pass, out: Vector, x: Vector, adapter?: LowRank): void {
  if (!adapter) return;
  const { a, b } = adapter;
  const low = ops.view(buffers.low, 0, numRows * a.outSize);
  const high = ops.view(buffers.high, 0, out.length);
  ops.linear(low, x, a);
  ops.linear(high, low, b);
  ops.add(out, high);
}
