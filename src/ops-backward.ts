// What training adds to src/ops.ts: the backward of every operation, the loss and the optimizer, in words and
// shapes. src/train/tape.ts calls them in the reverse order of the forward pass; src/reference/training.ts computes
// them in float64 loops and src/wasm/training.ts in SIMD kernels on many threads.
//
// Names: dX is dL/dX, the gradient of the loss by X, in the shape of X. `adds` says whether a gradient is added to
// what is there (a value that two operations read) or replaces it. Gradients of parameters are always added to:
// micro-batches accumulate.

import type { ModelConfig } from './config.ts';
import type { RopeTable, Sequence, Vector } from './ops.ts';

/** A trainable matrix [outSize, inSize] in the engine's own precision. */
export interface Dense<V extends Vector = Vector> {
  readonly outSize: number;
  readonly inSize: number;
  readonly values: V; // [outSize, inSize]
}

/** How the heads of q, k and v lie. */
export interface HeadShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** What attention keeps of its forward pass. */
export interface AttentionRecord<V extends Vector = Vector> {
  readonly q: V; // [rows, numHeads, headDim], after RoPE
  readonly k: V; // [rows, numKvHeads, headDim], after RoPE
  readonly v: V; // [rows, numKvHeads, headDim]
  readonly out: V; // [rows, numHeads, headDim]
  readonly logSums: V; // [rows, numHeads] log of the sum of exponentials of a row's scores
}

/** How well each row's label was predicted; rows without a label have zeros. */
export interface RowLosses {
  /** [rows] -log of the label's probability, in nats. */
  readonly losses: Float64Array;
  /** [rows] 1 where the label has the largest logit. */
  readonly hits: Float64Array;
  /** [rows] entropy of the predicted distribution, in nats. */
  readonly entropies: Float64Array;
}

/** The numbers of one AdamW update, the same for every parameter but for the decay. */
export interface AdamWStep {
  /** What the gradient is multiplied by: clipping. */
  readonly gradientScale: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** 1 - beta1^t and 1 - beta2^t, t counted from 1. */
  readonly correction1: number;
  readonly correction2: number;
}

/** The label of a row that does not count, as in PyTorch. */
export const IGNORED_LABEL = -100;

/** The operations of a training step. Rows are tokens; no argument overlaps another unless it says so. */
export interface TrainingOps<V extends Vector = Vector> {
  /** A buffer whose values are undefined; `free` gives it back. */
  take(length: number): V;
  free(x: V): void;
  /** x = 0 */
  clear(x: V): void;
  copy(out: V, x: V): void;

  embed(out: V, table: Dense<V>, ids: readonly number[]): void;
  /** dTable[ids[t]] += dOut[t], t ascending. */
  embedBackward(dTable: V, dOut: V, ids: readonly number[]): void;

  rmsNorm(out: V, x: V, weight: V, eps: number): void;
  /** dWeight += Σ over rows, and dX; a parameter that is not trained has no dWeight, a value without a past no dX. */
  rmsNormBackward(
    dX: V | undefined,
    dWeight: V | undefined,
    dOut: V,
    x: V,
    weight: V,
    eps: number,
    adds: boolean,
  ): void;

  linear(out: V, x: V, weight: Dense<V>, bias?: V): void;
  /** dX (+)= dOut · weight */
  linearBackwardInput(dX: V, dOut: V, weight: Dense<V>, adds: boolean): void;
  /** dWeight += dOutᵀ · x, rows ascending. */
  linearBackwardWeight(dWeight: V, dOut: V, x: V, weight: Dense<V>): void;
  /** dBias += column sums of dOut. */
  biasBackward(dBias: V, dOut: V): void;

  /** Rotates in place, by the position of each row. */
  rope(x: V, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void;
  /** The rotation back, in place: dX of what was dOut. */
  ropeBackward(dOut: V, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void;

  /** Fills record.out and record.logSums; every row attends to itself and the rows before it of its sequence. */
  attend(record: AttentionRecord<V>, heads: HeadShape, sequences: readonly Sequence[]): void;
  attendBackward(
    dQ: V,
    dK: V,
    dV: V,
    dOut: V,
    record: AttentionRecord<V>,
    heads: HeadShape,
    sequences: readonly Sequence[],
  ): void;

  swiglu(out: V, gate: V, up: V): void;
  swigluBackward(dGate: V, dUp: V, dOut: V, gate: V, up: V): void;
  /** x += y */
  add(x: V, y: V): void;
  /** x *= scale */
  scale(x: V, scale: number): void;

  /** Losses of x [rows, hiddenSize] behind the output matrix `head`; the logits are never all in memory. */
  crossEntropy(x: V, head: Dense<V>, labels: readonly number[]): RowLosses;
  /** The same, with dX and dHead += of Σ over rows of rowWeights[t] · loss[t]. */
  crossEntropyBackward(
    dX: V,
    dHead: V | undefined,
    x: V,
    head: Dense<V>,
    labels: readonly number[],
    rowWeights: readonly number[],
  ): RowLosses;

  /** Σ x², in float64. */
  sumOfSquares(x: V): number;
  /** One AdamW update of weight and both moments; clears the gradient. */
  adamw(weight: V, gradient: V, firstMoment: V, secondMoment: V, step: AdamWStep): void;
}

/** What an engine adds to the operations of a training step: memory, and reading and writing it from outside. */
export interface TrainingEngine<V extends Vector = Vector> extends TrainingOps<V> {
  readonly name: 'reference' | 'wasm';
  /** A buffer for good, filled with zeros: parameters, gradients, moments. */
  keep(length: number): V;
  ropeTable(config: ModelConfig, maxSeqLen: number): RopeTable;
  /** Takes back every buffer that `take` gave. */
  endPass(): void;
  /** A copy of the values, in the engine's own precision. */
  read(x: V): Float64Array | Float32Array;
  write(x: V, values: ArrayLike<number>): void;
}
