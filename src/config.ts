// The numbers that make one model out of the architecture, and what follows from them (parameters, bytes of the KV
// cache). They are read from files in src/format/hf-config.ts and gguf-config.ts.

import type { Llama3RopeScaling } from './base/rotations.ts';

/** One decoder of the Llama family; see docs/glossary.md for every name. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly maxSeqLen: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: Llama3RopeScaling;
  /** Bias on the query, key and value projections (Qwen2.5). */
  readonly qkvBias: boolean;
  /** Bias on the projection back from the heads (`attention_bias` of a Llama config, beside qkvBias). */
  readonly oBias?: boolean;
  /** Bias on gate, up and down (`mlp_bias` of a Llama config). */
  readonly mlpBias?: boolean;
  /** The output matrix is the embedding table. */
  readonly tiedEmbeddings: boolean;
  readonly bosId?: number;
  /** Every id that ends a generation. */
  readonly eosIds: readonly number[];
}

const smollm2 = {
  vocabSize: 49152,
  headDim: 64,
  maxSeqLen: 8192,
  rmsNormEps: 1e-5,
  qkvBias: false,
  tiedEmbeddings: true,
  bosId: 1,
  eosIds: [2],
} as const;

/** The three released sizes (Instruct ids), for planning and tests; a loaded model brings its own config. */
export const SMOLLM2_CONFIGS = {
  '135m': {
    ...smollm2,
    hiddenSize: 576,
    intermediateSize: 1536,
    numLayers: 30,
    numHeads: 9,
    numKvHeads: 3,
    ropeTheta: 100_000,
  },
  '360m': {
    ...smollm2,
    hiddenSize: 960,
    intermediateSize: 2560,
    numLayers: 32,
    numHeads: 15,
    numKvHeads: 5,
    ropeTheta: 100_000,
  },
  '1.7b': {
    ...smollm2,
    hiddenSize: 2048,
    intermediateSize: 8192,
    numLayers: 24,
    numHeads: 32,
    numKvHeads: 32,
    ropeTheta: 130_000,
  },
} satisfies Record<string, ModelConfig>;

/** Learned numbers; a tied head counts once. */
export function numParameters(config: ModelConfig): number {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize } = config;
  const qSize = numHeads * headDim;
  const kvSize = numKvHeads * headDim;
  const biases =
    (config.qkvBias ? qSize + 2 * kvSize : 0) +
    (config.oBias ? hiddenSize : 0) +
    (config.mlpBias ? 2 * intermediateSize + hiddenSize : 0);
  const attention = 2 * hiddenSize * qSize + 2 * hiddenSize * kvSize;
  const mlp = 3 * hiddenSize * intermediateSize;
  const embeddings = vocabSize * hiddenSize * (config.tiedEmbeddings ? 1 : 2);
  return embeddings + config.numLayers * (attention + mlp + biases + 2 * hiddenSize) + hiddenSize;
}

/** Bytes of keys and values of `seqLen` positions at `bytesPerValue` (4 in f32, 2 in f16). */
export function kvCacheBytes(config: ModelConfig, seqLen: number, bytesPerValue: number): number {
  return 2 * config.numLayers * config.numKvHeads * config.headDim * seqLen * bytesPerValue;
}

/**
 * Bytes of all weights at `bitsPerWeight` for matrices (16 in bf16, 5 in Q4_1, 8.5 in Q8_0). Norms and biases are
 * counted at the same width, so the sum is exact for unquantised files and within 0.1 % otherwise.
 */
export function weightsBytes(config: ModelConfig, bitsPerWeight: number): number {
  return (numParameters(config) * bitsPerWeight) / 8;
}
