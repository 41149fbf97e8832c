// The seam between the model and the machine: every operation a SmolLM2 forward pass is made of, in words and
// shapes. src/model is written against these interfaces only; src/reference computes them in float64 loops and
// src/wasm in SIMD kernels on many threads. Handles (Vector, Matrix, KvCache, RopeTable) belong to the engine that
// made them; the model passes them on and never looks inside.

import type { Tensor } from './base/tensor.ts';
import type { ModelConfig } from './config.ts';

/** A run of activations or a learned vector. Shapes are the caller's; length is the number of values. */
export interface Vector {
  readonly length: number;
}

/** A weight matrix [outSize, inSize], dense or quantised: one row per output. */
export interface Matrix {
  readonly outSize: number;
  readonly inSize: number;
}

/** Cosines and sines of every position, [maxSeqLen, headDim / 2] each. */
export interface RopeTable {
  readonly maxSeqLen: number;
}

/** Keys (after RoPE) and values of past positions, every layer: [numLayers, maxSeqLen, numKvHeads, headDim] each. */
export interface KvCache {
  /** Positions that hold a token; the next row goes to this position. */
  length: number;
  readonly maxSeqLen: number;
}

/**
 * Consecutive rows of a pass that belong to one sequence of tokens: rows [begin, begin + count) of every buffer take
 * positions startPos, startPos + 1, … of `cache`. A pass holds one sequence or a batch; batching changes no bit.
 */
export interface Sequence {
  readonly begin: number;
  readonly count: number;
  readonly startPos: number;
  readonly cache: KvCache;
}

/** Numbers as an engine computes them: float64 or float32. */
export type Values = Float64Array | Float32Array;

/** What may be wanted of a row, beside the residual stream after n blocks, which is n: 0 is the embedding. */
export const LOGITS = -1;
/** The last hidden state, after the final norm. */
export const NORMED = -2;
export const NOTHING = -3;

/** The rows that go through the network together, at most as many as the workspace holds. */
export interface Chunk {
  /** One id per row, sequence after sequence. */
  readonly ids: readonly number[];
  /** Where the rows stand; together they cover all rows. */
  readonly sequences: readonly Sequence[];
  /** What is wanted of each row: LOGITS, NORMED, NOTHING, or a number of blocks. */
  readonly wanted: readonly number[];
  /** Rows of logits that were taken from the buffer before; it gets the next ones. */
  readonly logitsDone: number;
}

/** The operations. Rows are tokens; `out` never overlaps an input unless it says so. */
export interface Ops {
  /** A pass begins, perhaps after one that failed half-way. */
  begin?(): void;
  /** A view of x[begin, end). */
  view(x: Vector, begin: number, end: number): Vector;
  /** out [ids.length, hiddenSize] = rows `ids` of table [vocabSize, hiddenSize]. */
  embed(out: Vector, table: Matrix, ids: readonly number[]): void;
  /** Each row of x [rows, size] over its root mean square, times weight [size]; out may be x. */
  rmsNorm(out: Vector, x: Vector, weight: Vector, eps: number): void;
  /** out [rows, outSize] = x [rows, inSize] · weightᵀ (+ bias [outSize]). */
  linear(out: Vector, x: Vector, weight: Matrix, bias?: Vector): void;
  /** Rotates halves of each head of x [rows, numHeads, headDim] in place, every row by its position. */
  rope(x: Vector, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void;
  /** Writes k and v [rows, numKvHeads, headDim] to each sequence's cache. Does not move `cache.length`. */
  remember(k: Vector, v: Vector, layer: number, sequences: readonly Sequence[]): void;
  /**
   * Grouped-query attention of q [rows, numHeads, headDim]: each row over positions 0 … its own of its sequence's
   * cache. out [rows, numHeads, headDim]. Where `probs` [numHeads, rows, startPos + rows] is given (one sequence
   * only), it gets the weights, zero after the row's own position.
   */
  attend(out: Vector, q: Vector, layer: number, sequences: readonly Sequence[], probs?: Vector): void;
  /** out = silu(gate) · up, value by value; out may be gate. */
  swiglu(out: Vector, gate: Vector, up: Vector): void;
  /** x += y, value by value. */
  add(x: Vector, y: Vector): void;
  /** Runs of the operations above in one pass over memory, with equal bits; an engine may have none. */
  readonly fused?: FusedOps;
}

/**
 * Fused operations. Each one *is* the run of parts that stands beside its call in src/model, and gives the same
 * bits; the model takes the parts when somebody watches the values in between (trace).
 */
export interface FusedOps {
  /** model/attention.ts: rmsNorm of x, three linears, rope of q and k, remember. q [rows, numHeads, headDim]. */
  attentionInput(
    q: Vector,
    x: Vector,
    norm: Vector,
    eps: number,
    weights: QkvWeights,
    at: AttentionPlace,
  ): void;
  /** model/mlp.ts: rmsNorm, two linears, swiglu. out [rows, intermediateSize]. */
  mlpInput(out: Vector, x: Vector, norm: Vector, eps: number, weights: GateUpWeights): void;
  /** x [rows, outSize] += y · weightᵀ. */
  linearAdd(x: Vector, y: Vector, weight: Matrix): void;
}

/** Which branches of a layer can run fused. */
export interface Fusible {
  readonly attention: boolean;
  readonly mlp: boolean;
}

export interface QkvWeights {
  readonly qProj: Matrix;
  readonly kProj: Matrix;
  readonly vProj: Matrix;
  readonly qBias?: Vector;
  readonly kBias?: Vector;
  readonly vBias?: Vector;
}

export interface GateUpWeights {
  readonly gateProj: Matrix;
  readonly upProj: Matrix;
  readonly gateBias?: Vector;
  readonly upBias?: Vector;
}

/** Where the rows of a pass stand: in which layer, at which positions of which caches. */
export interface AttentionPlace {
  readonly layer: number;
  readonly rope: RopeTable;
  readonly sequences: readonly Sequence[];
}

/** What an engine adds to the operations: making the handles, and reading and writing activations from outside. */
export interface Engine extends Ops {
  readonly name: string;
  /** What besides the weights decides the bits: one line that differs where kernels or precision do. */
  readonly arithmetic: string;
  /** Largest error of a logit of SmolLM2 against exact arithmetic on the same weights (docs/numerics.md). */
  readonly logitErrorBound: number;
  /** What of a layer with these weights `fused` can do; asked once, at load. */
  fusible?(qkv: QkvWeights, gateUp: GateUpWeights): Fusible;
  vector(length: number): Vector;
  loadVector(tensor: Tensor): Promise<Vector>;
  loadMatrix(tensor: Tensor, onBytes?: (bytes: number) => void): Promise<Matrix>;
  /** A loaded weight as this engine keeps it, the same on every machine; views of its memory. */
  weightBytes(weight: Vector | Matrix): readonly Uint8Array[];
  ropeTable(config: ModelConfig, maxSeqLen: number): RopeTable;
  /** An empty cache that can grow to maxSeqLen positions. */
  kvCache(config: ModelConfig, maxSeqLen: number): KvCache;
  /** Makes room for positions [0, numPositions) before a pass writes to those from cache.length on. */
  reserve(cache: KvCache, numPositions: number): void;
  /** Makes positions [0, length) of `from` those of an empty cache, and sets its length. Neither sees later writes. */
  shareCache(from: KvCache, to: KvCache, length: number): void;
  /** Bytes of keys and values of these caches; what they share counts once. */
  cacheBytes(caches: Iterable<KvCache>): number;
  freeCache(cache: KvCache): void;
  /** Keys and values of positions [0, cache.length), as this engine keeps them. */
  exportCache(cache: KvCache): Uint8Array;
  /** Fills positions [0, length) with what `exportCache` gave, and sets cache.length. */
  importCache(cache: KvCache, length: number, bytes: Uint8Array): void;
  /** Marks the scratch memory in use, and gives back every vector made since a mark. */
  mark(): number;
  release(mark: number): void;
  /** A copy of the values as they are after the operations so far, in the engine's own precision. */
  read(x: Vector): Promise<Values>;
  /** The same at once, for engines whose memory is within reach; others show a trace each block's points later. */
  readNow?(x: Vector, into?: Values): Values;
  write(x: Vector, values: ArrayLike<number>): void;
}
