// The numbers that make one model out of the architecture: ModelConfig, read from `config.json` or GGUF
// metadata, and what follows from them (parameters, bytes of the KV cache). Foreign values are checked here.

import { FormatError } from './base/errors.ts';
import { pow } from './base/math.ts';

/** Frequencies of RoPE stretched as in Llama 3.1 (HF `_compute_llama3_parameters`). */
export interface Llama3RopeScaling {
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxSeqLen: number;
}

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
  const attention =
    2 * hiddenSize * qSize + 2 * hiddenSize * kvSize + (config.qkvBias ? qSize + 2 * kvSize : 0);
  const mlp = 3 * hiddenSize * intermediateSize;
  const embeddings = vocabSize * hiddenSize * (config.tiedEmbeddings ? 1 : 2);
  return embeddings + config.numLayers * (attention + mlp + 2 * hiddenSize) + hiddenSize;
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

/** `config.json` of a HuggingFace folder, in the classic style or that of transformers 5 (`rope_parameters`). */
export function configFromHf(json: unknown, file: string): ModelConfig {
  if (!isRecord(json)) throw new FormatError(`expected a JSON object, got ${kindOf(json)}`, { file });
  const modelType = json.model_type;
  if (modelType !== 'llama' && modelType !== 'qwen2') {
    throw new FormatError(`expected "llama" or "qwen2", got ${JSON.stringify(modelType)}`, {
      file,
      field: 'model_type',
    });
  }
  if (json.hidden_act !== undefined && json.hidden_act !== 'silu') {
    throw new FormatError(`expected "silu", got ${JSON.stringify(json.hidden_act)}`, {
      file,
      field: 'hidden_act',
    });
  }
  for (const field of ['mlp_bias', 'use_sliding_window']) {
    if (json[field] === true) throw new FormatError('expected false, got true', { file, field });
  }
  if (modelType === 'llama' && json.attention_bias === true) {
    throw new FormatError('expected false, got true', { file, field: 'attention_bias' });
  }
  const read = new FieldReader(json, file);
  const rope = isRecord(json.rope_parameters)
    ? json.rope_parameters
    : isRecord(json.rope_scaling)
      ? json.rope_scaling
      : {};
  const numHeads = read.count('num_attention_heads');
  const hiddenSize = read.count('hidden_size');
  const eos = json.eos_token_id ?? [];
  return checkConfig(
    {
      vocabSize: read.count('vocab_size'),
      hiddenSize,
      intermediateSize: read.count('intermediate_size'),
      numLayers: read.count('num_hidden_layers'),
      numHeads,
      numKvHeads: read.count('num_key_value_heads', numHeads),
      headDim: read.count('head_dim', hiddenSize / numHeads),
      maxSeqLen: read.count('max_position_embeddings'),
      rmsNormEps: read.positive('rms_norm_eps', 1e-6),
      ropeTheta: new FieldReader({ ...json, ...rope }, file).positive('rope_theta', 10_000),
      ropeScaling: ropeScalingFromHf(rope, file),
      qkvBias: modelType === 'qwen2',
      tiedEmbeddings: json.tie_word_embeddings === true,
      bosId: typeof json.bos_token_id === 'number' ? json.bos_token_id : undefined,
      eosIds: (Array.isArray(eos) ? eos : [eos]).filter((id) => Number.isInteger(id)),
    },
    file,
  );
}

function ropeScalingFromHf(rope: Record<string, unknown>, file: string): Llama3RopeScaling | undefined {
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type === 'default') return undefined;
  if (type !== 'llama3') {
    throw new FormatError(`expected "default" or "llama3", got ${JSON.stringify(type)}`, {
      file,
      field: 'rope_scaling.rope_type',
    });
  }
  const read = new FieldReader(rope, file);
  return {
    factor: read.positive('factor'),
    lowFreqFactor: read.positive('low_freq_factor'),
    highFreqFactor: read.positive('high_freq_factor'),
    originalMaxSeqLen: read.count('original_max_position_embeddings'),
  };
}

/** Metadata keys of a GGUF file as plain values; `has` tells which tensors (GGUF names) are present. */
export interface GgufFacts {
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Rows of `token_embd.weight`: the vocabulary, whatever the metadata say. */
  readonly vocabSize: number;
  readonly has: (tensorName: string) => boolean;
  /** Values of `rope_freqs.weight`, the divisors that llama3 scaling leaves in a GGUF file. */
  readonly ropeDivisors?: readonly number[];
}

/** Config of a `llama` or `qwen2` GGUF file. The rope divisors are kept by the caller (see Checkpoint). */
export function configFromGguf(facts: GgufFacts, file: string): ModelConfig {
  const { metadata } = facts;
  const arch = metadata['general.architecture'];
  if (arch !== 'llama' && arch !== 'qwen2') {
    throw new FormatError(`expected "llama" or "qwen2", got ${JSON.stringify(arch)}`, {
      file,
      field: 'general.architecture',
    });
  }
  const read = new FieldReader(metadata, file);
  const numHeads = read.count(`${arch}.attention.head_count`);
  const hiddenSize = read.count(`${arch}.embedding_length`);
  const scalingType = metadata[`${arch}.rope.scaling.type`];
  if (scalingType !== undefined && scalingType !== 'none') {
    throw new FormatError(`expected no scaling, got ${JSON.stringify(scalingType)}`, {
      file,
      field: `${arch}.rope.scaling.type`,
    });
  }
  const headDim = read.count(`${arch}.attention.key_length`, hiddenSize / numHeads);
  const ropeDim = read.count(`${arch}.rope.dimension_count`, headDim);
  if (ropeDim !== headDim) {
    throw new FormatError(`expected ${headDim} (the head size), got ${ropeDim}`, {
      file,
      field: `${arch}.rope.dimension_count`,
    });
  }
  const id = (key: string) => (metadata[key] === undefined ? undefined : read.id(key, facts.vocabSize));
  const eosKeys = ['eos', 'eot', 'eom'].map((end) => `tokenizer.ggml.${end}_token_id`);
  const config = checkConfig(
    {
      vocabSize: facts.vocabSize,
      hiddenSize,
      intermediateSize: read.count(`${arch}.feed_forward_length`),
      numLayers: read.count(`${arch}.block_count`),
      numHeads,
      numKvHeads: read.count(`${arch}.attention.head_count_kv`, numHeads),
      headDim,
      maxSeqLen: read.count(`${arch}.context_length`),
      rmsNormEps: read.positive(`${arch}.attention.layer_norm_rms_epsilon`),
      ropeTheta: read.positive(`${arch}.rope.freq_base`, 10_000),
      qkvBias: facts.has('blk.0.attn_q.bias'),
      tiedEmbeddings: !facts.has('output.weight'),
      bosId: id('tokenizer.ggml.bos_token_id'),
      eosIds: [...new Set(eosKeys.map(id).filter((value) => value !== undefined))],
    },
    file,
  );
  return facts.ropeDivisors
    ? { ...config, ropeScaling: scalingFromDivisors(facts.ropeDivisors, config, file) }
    : config;
}

/**
 * Llama 3 scaling from the divisors of a GGUF file: the largest is `factor`; the other constants (1, 4, 8192) are
 * those of every released Llama 3.x, and the divisors they give must be the file's.
 */
function scalingFromDivisors(
  divisors: readonly number[],
  config: ModelConfig,
  file: string,
): Llama3RopeScaling {
  const scaling = {
    factor: Math.max(...divisors),
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxSeqLen: 8192,
  };
  const agrees =
    divisors.length === config.headDim / 2 &&
    divisors.every(
      (d, i) =>
        Math.abs(d / ropeDivisor(pow(config.ropeTheta, (-2 * i) / config.headDim), scaling) - 1) < 1e-5,
    );
  if (!agrees) {
    throw new FormatError('expected the divisors of llama3 rotary scaling', {
      file,
      field: 'rope_freqs.weight',
    });
  }
  return scaling;
}

/** How much llama3 scaling slows a rotation of `frequency` radians per position: 1 (kept) to `factor`. */
export function ropeDivisor(frequency: number, scaling: Llama3RopeScaling): number {
  const wavelength = (2 * Math.PI) / frequency;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxSeqLen } = scaling;
  if (wavelength < originalMaxSeqLen / highFreqFactor) return 1;
  if (wavelength > originalMaxSeqLen / lowFreqFactor) return factor;
  const smooth = (originalMaxSeqLen / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return 1 / ((1 - smooth) / factor + smooth);
}

/** Sizes a config may name: an order of magnitude over the family's, so that products of three stay exact. */
const MAX_SIZE = 2 ** 20;
const MAX_LAYERS = 512;

function checkConfig(config: ModelConfig, file: string): ModelConfig {
  const refuse = (field: string, expected: string, got: unknown): never => {
    throw new FormatError(`expected ${expected}, got ${got}`, { file, field });
  };
  const { numHeads, numKvHeads, headDim, numLayers } = config;
  if (numLayers > MAX_LAYERS) refuse('numLayers', `at most ${MAX_LAYERS}`, numLayers);
  if (numHeads % numKvHeads !== 0) refuse('numKvHeads', `a divisor of numHeads ${numHeads}`, numKvHeads);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) refuse('headDim', 'an even whole number', headDim);
  for (const field of [
    'vocabSize',
    'hiddenSize',
    'intermediateSize',
    'maxSeqLen',
    'headDim',
    'numHeads',
  ] as const) {
    if (config[field] > MAX_SIZE) refuse(field, `at most ${MAX_SIZE}`, config[field]);
  }
  for (const id of config.eosIds)
    if (id < 0 || id >= config.vocabSize) refuse('eosIds', `ids below ${config.vocabSize}`, id);
  return config;
}

/** Reads checked numbers out of foreign JSON or metadata. */
class FieldReader {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly file: string;

  constructor(fields: Readonly<Record<string, unknown>>, file: string) {
    this.fields = fields;
    this.file = file;
  }

  private get(field: string, fallback: number | undefined): unknown {
    const value = Object.hasOwn(this.fields, field) ? (this.fields[field] ?? fallback) : fallback;
    if (value === undefined)
      throw new FormatError('expected a number, got nothing', { file: this.file, field });
    return value;
  }

  /** A whole number of at least one. */
  count(field: string, fallback?: number): number {
    const value = this.get(field, fallback);
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throw new FormatError(`expected a whole number of at least 1, got ${String(value)}`, {
        file: this.file,
        field,
      });
    }
    return value as number;
  }

  /** A finite number above zero. */
  positive(field: string, fallback?: number): number {
    const value = this.get(field, fallback);
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new FormatError(`expected a finite number above 0, got ${String(value)}`, {
        file: this.file,
        field,
      });
    }
    return value;
  }

  /** A token id below `vocabSize`. */
  id(field: string, vocabSize: number): number {
    const value = this.get(field, undefined);
    if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) >= vocabSize) {
      throw new FormatError(`expected an id below ${vocabSize}, got ${String(value)}`, {
        file: this.file,
        field,
      });
    }
    return value as number;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
