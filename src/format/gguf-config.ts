// Metadata of a GGUF file as a ModelConfig.

import { FormatError } from '../base/errors.ts';
import { pow } from '../base/math.ts';
import { type Llama3RopeScaling, ropeDivisor } from '../base/rotations.ts';
import { shown } from '../base/shown.ts';
import type { ModelConfig } from '../config.ts';
import { checkConfig, FieldReader } from './config-fields.ts';

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
    throw new FormatError(`expected "llama" or "qwen2", got ${shown(arch)}`, {
      file,
      field: 'general.architecture',
    });
  }
  const read = new FieldReader(metadata, file);
  const numHeads = read.count(`${arch}.attention.head_count`);
  const hiddenSize = read.count(`${arch}.embedding_length`);
  const scalingType = metadata[`${arch}.rope.scaling.type`];
  if (scalingType !== undefined && scalingType !== 'none') {
    throw new FormatError(`expected no scaling, got ${shown(scalingType)}`, {
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
      ...(facts.has('blk.0.attn_output.bias') && { oBias: true }),
      ...(facts.has('blk.0.ffn_gate.bias') && { mlpBias: true }),
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
