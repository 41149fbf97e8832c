// `config.json` of a HuggingFace folder as a ModelConfig.

import { FormatError } from '../base/errors.ts';
import { kindOf } from '../base/options.ts';
import type { Llama3RopeScaling } from '../base/rotations.ts';
import { shown } from '../base/shown.ts';
import type { ModelConfig } from '../config.ts';
import { checkConfig, FieldReader } from './config-fields.ts';

/** `config.json` of a HuggingFace folder, in the classic style or that of transformers 5 (`rope_parameters`). */
export function configFromHf(json: unknown, file: string): ModelConfig {
  if (!isRecord(json)) throw new FormatError(`expected a JSON object, got ${kindOf(json)}`, { file });
  const modelType = json.model_type;
  if (modelType !== 'llama' && modelType !== 'qwen2') {
    throw new FormatError(`expected "llama" or "qwen2", got ${shown(modelType)}`, {
      file,
      field: 'model_type',
    });
  }
  if (json.hidden_act !== undefined && json.hidden_act !== 'silu') {
    throw new FormatError(`expected "silu", got ${shown(json.hidden_act)}`, {
      file,
      field: 'hidden_act',
    });
  }
  if (json.use_sliding_window === true) {
    throw new FormatError('expected false, got true', { file, field: 'use_sliding_window' });
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
      ...biasesFromHf(json, file),
      tiedEmbeddings: json.tie_word_embeddings === true,
      bosId: typeof json.bos_token_id === 'number' ? json.bos_token_id : undefined,
      eosIds: (Array.isArray(eos) ? eos : [eos]).filter((id) => Number.isInteger(id)),
    },
    file,
  );
}

/** Qwen2 has biases on q, k and v, whatever its config says; Llama has those that its config asks for. */
function biasesFromHf(
  json: Record<string, unknown>,
  file: string,
): Pick<ModelConfig, 'qkvBias' | 'oBias' | 'mlpBias'> {
  const [attention, mlp] = ['attention_bias', 'mlp_bias'].map((field) => {
    const value = json[field] ?? false;
    if (typeof value === 'boolean') return value;
    throw new FormatError(`expected true or false, got ${shown(value)}`, { file, field });
  });
  if (json.model_type === 'qwen2') return { qkvBias: true };
  return { qkvBias: attention, ...(attention && { oBias: true }), ...(mlp && { mlpBias: true }) };
}

function ropeScalingFromHf(rope: Record<string, unknown>, file: string): Llama3RopeScaling | undefined {
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type === 'default') return undefined;
  if (type !== 'llama3') {
    throw new FormatError(`expected "default" or "llama3", got ${shown(type)}`, {
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
