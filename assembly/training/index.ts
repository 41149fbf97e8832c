// The export list of the training kernels: a binary of its own, so that inference carries none of it.

import { Worker } from '../memory';
import { Heads } from './attend';
import { setWide } from './gemm';

export { rmsNorm } from '../rmsnorm';
export { add, swiglu } from '../swiglu';
export { adamw, sumOfSquares } from './adamw';
export { attend, attendBackward } from './attend';
export { biasBackward, linear, linearBackwardInput, linearBackwardWeight } from './linear';
export { log } from './log';
export { crossEntropy } from './loss';
export { copy, embed, embedBackward, scale, swigluBackward } from './pointwise';
export { rmsNormBackward } from './rmsnorm';
export { rope } from './rope';

/** First address after the constants of the kernels. */
export function heapBase(): usize {
  return __heap_base;
}

/** Bytes of a Worker record and of a Heads record. */
export function workerBytes(): i32 {
  return <i32>offsetof<Worker>();
}

export function headsBytes(): i32 {
  return <i32>offsetof<Heads>();
}

/**
 * Writes the record of one member of a team.
 *
 * @param control 192 + 64 · numWorkers bytes, the team's, zero before anyone starts
 * @param panels  private: 576 · 64 bytes
 * @param tile    private: 128 bytes
 * @param scores  private: 2 · 64 rows of maxSeqLen + 32 scores
 * @param wide    whether V8 joins vectors here (gemm.ts)
 */
export function setUpWorker(
  me: Worker,
  numWorkers: i32,
  index: i32,
  control: usize,
  spin: i32,
  panels: usize,
  tile: usize,
  scores: usize,
  wide: bool,
): void {
  setWide(wide);
  me.numWorkers = numWorkers;
  me.index = index;
  me.control = control;
  me.spin = spin;
  me.panels = panels;
  me.tile = tile;
  me.attention = scores;
  me.phase = 0;
  me.held = 0;
  me.done = 0;
}

/** Writes how heads and sequences of a pass lie. */
export function setUpHeads(
  heads: Heads,
  numHeads: i32,
  numKvHeads: i32,
  headDim: i32,
  blocks: usize,
  numBlocks: i32,
  sequences: usize,
  numSequences: i32,
): void {
  heads.numHeads = numHeads;
  heads.numKvHeads = numKvHeads;
  heads.headDim = headDim;
  heads.blocks = blocks;
  heads.numBlocks = numBlocks;
  heads.sequences = sequences;
  heads.numSequences = numSequences;
}
