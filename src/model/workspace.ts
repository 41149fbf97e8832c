// Every scratch buffer of a forward pass, named, with its shape. Made once; the token loop allocates nothing.

import type { ModelConfig } from '../config.ts';
import type { Vector } from '../ops.ts';

/** Rows of one chunk of a long prompt; more would not be faster, and the workspace grows with it. */
export const PREFILL_ROWS = 128;

/** Buffers for at most `maxRows` tokens at a time. */
export interface Workspace {
  readonly maxRows: number;
  readonly x: Vector; // [maxRows, hiddenSize] the residual stream
  readonly normed: Vector; // [maxRows, hiddenSize] input of the projections
  readonly q: Vector; // [maxRows, numHeads, headDim]
  readonly k: Vector; // [maxRows, numKvHeads, headDim]
  readonly v: Vector; // [maxRows, numKvHeads, headDim]
  readonly mixed: Vector; // [maxRows, numHeads, headDim] what attention gathered
  readonly branch: Vector; // [maxRows, hiddenSize] output of oProj or downProj before it is added
  readonly gate: Vector; // [maxRows, intermediateSize]
  readonly up: Vector; // [maxRows, intermediateSize]
  readonly hidden: Vector; // [maxRows, hiddenSize] hidden states that somebody wants
  readonly low: Vector; // [maxRows, rank] between the two matrices of an adapter; empty without one
  readonly high: Vector; // [maxRows, the widest output] what an adapter adds; empty without one
  readonly logits: Vector; // [maxLogitRows, vocabSize]
}

/** One row of logits is kept for this many rows of a pass, 16 at most; more are computed in slices. */
const ROWS_PER_LOGITS = 8;
const MAX_LOGIT_ROWS = 16;

/**
 * Number of values of each buffer, by name.
 *
 * @param rank of the adapter beside the weights; 0 without one
 */
export function workspaceSizes(
  config: ModelConfig,
  maxRows: number,
  rank: number,
): Record<Exclude<keyof Workspace, 'maxRows'>, number> {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize } = config;
  const qSize = numHeads * headDim;
  const kvSize = numKvHeads * headDim;
  return {
    x: maxRows * hiddenSize,
    normed: maxRows * hiddenSize,
    q: maxRows * qSize,
    k: maxRows * kvSize,
    v: maxRows * kvSize,
    mixed: maxRows * qSize,
    branch: maxRows * hiddenSize,
    gate: maxRows * intermediateSize,
    up: maxRows * intermediateSize,
    hidden: maxRows * hiddenSize,
    low: maxRows * rank,
    high: rank > 0 ? maxRows * Math.max(qSize, hiddenSize, intermediateSize) : 0,
    logits: Math.min(Math.ceil(maxRows / ROWS_PER_LOGITS), MAX_LOGIT_ROWS) * vocabSize,
  };
}

export function makeWorkspace(
  config: ModelConfig,
  maxRows: number,
  rank: number,
  vector: (length: number) => Vector,
): Workspace {
  const sizes = workspaceSizes(config, maxRows, rank);
  const buffers = Object.fromEntries(Object.entries(sizes).map(([name, length]) => [name, vector(length)]));
  return { maxRows, ...(buffers as Omit<Workspace, 'maxRows'>) };
}
