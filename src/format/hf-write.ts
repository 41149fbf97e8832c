// A model as a HuggingFace folder that transformers loads: config.json, generation_config.json, the tokenizer's
// files and the weights; and beside them a model card.

import { FormatError, UnsupportedError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import type { EncodableDType } from '../quant/encode.ts';
import type { Checkpoint } from './checkpoint.ts';
import { expectedTensors } from './expected.ts';
import { requantised } from './requantise.ts';

/** Number formats of the weights in a folder. */
export type HfDType = 'F32' | 'BF16' | 'F16';

const TORCH_NAMES: Record<HfDType, string> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' };

/** A file in pieces, as a path below the folder. */
export interface PiecesToWrite {
  readonly path: string;
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface HfFolderOptions {
  readonly dtype: HfDType;
  /** Text of README.md. */
  readonly card?: string;
}

/**
 * `config.json` of a Llama model, or of a Qwen2 one where only q, k and v have biases.
 *
 * @throws UnsupportedError for biases that neither has
 */
export function hfConfigJson(config: ModelConfig, dtype: HfDType = 'F32'): Record<string, unknown> {
  const { bosId, eosIds, ropeScaling, qkvBias, oBias = false, mlpBias = false } = config;
  const isQwen2 = qkvBias && !oBias && !mlpBias;
  if (!isQwen2 && qkvBias !== oBias) {
    throw new UnsupportedError(
      'config.json: expected biases on q, k, v and o, or on q, k and v of a model without others, got ' +
        `${qkvBias ? 'none on o' : 'some on o alone'}; a GGUF file can say it`,
    );
  }
  return {
    architectures: [isQwen2 ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: isQwen2 ? 'qwen2' : 'llama',
    torch_dtype: TORCH_NAMES[dtype],
    ...(!isQwen2 && { attention_bias: oBias, mlp_bias: mlpBias }),
    bos_token_id: bosId ?? null,
    eos_token_id: eosIds.length > 1 ? eosIds : (eosIds[0] ?? null),
    head_dim: config.headDim,
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    initializer_range: 0.02,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxSeqLen,
    num_attention_heads: config.numHeads,
    num_hidden_layers: config.numLayers,
    num_key_value_heads: config.numKvHeads,
    rms_norm_eps: config.rmsNormEps,
    rope_scaling: ropeScaling
      ? {
          rope_type: 'llama3',
          factor: ropeScaling.factor,
          low_freq_factor: ropeScaling.lowFreqFactor,
          high_freq_factor: ropeScaling.highFreqFactor,
          original_max_position_embeddings: ropeScaling.originalMaxSeqLen,
        }
      : null,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

/**
 * Every file of the folder; weights are read and converted as their pieces are asked for.
 *
 * @throws FormatError when the checkpoint's tokenizer is not that of an HF folder
 */
export function hfFolderFiles(checkpoint: Checkpoint, options: HfFolderOptions): PiecesToWrite[] {
  const { config, tokenizer, chatTemplate, name } = checkpoint;
  const { dtype, card } = options;
  if (tokenizer && tokenizer.kind !== 'json') {
    throw new FormatError(
      'expected a tokenizer.json, got the tokenizer of a GGUF file; convert --tokenizer names one',
      {
        file: name,
      },
    );
  }
  const { bosId, eosIds } = config;
  const files: PiecesToWrite[] = [
    text('config.json', hfConfigJson(config, dtype)),
    text('generation_config.json', {
      _from_model_config: true,
      bos_token_id: bosId ?? null,
      eos_token_id: eosIds.length > 1 ? eosIds : (eosIds[0] ?? null),
    }),
    { path: 'model.safetensors', pieces: weightPieces(checkpoint, dtype) },
  ];
  if (tokenizer) {
    files.push(text('tokenizer.json', tokenizer.tokenizer));
    if (tokenizer.tokenizerConfig) files.push(text('tokenizer_config.json', tokenizer.tokenizerConfig));
  }
  if (chatTemplate !== undefined)
    files.push({ path: 'chat_template.jinja', pieces: [utf8.encode(chatTemplate)] });
  if (card !== undefined) files.push({ path: 'README.md', pieces: [utf8.encode(card)] });
  return files;
}

const utf8 = new TextEncoder();

function text(path: string, value: unknown): PiecesToWrite {
  return { path, pieces: [utf8.encode(`${JSON.stringify(value, null, 2)}\n`)] };
}

/** `model.safetensors`: the head, then each tensor in the order of the forward pass, in the format asked for. */
async function* weightPieces(checkpoint: Checkpoint, dtype: HfDType): AsyncGenerator<Uint8Array> {
  const size = dtype === 'F32' ? 4 : 2;
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const tensors = Array.from(
    expectedTensors(checkpoint.config).keys(),
    (name) => checkpoint.tensors.get(name)!,
  );
  let at = 0;
  for (const { name, shape } of tensors) {
    const begin = at;
    at += shape.reduce((product, axis) => product * axis, size);
    entries[name] = { dtype, shape, data_offsets: [begin, at] };
  }
  const json = utf8.encode(JSON.stringify(entries));
  const head = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  yield head;
  for (const tensor of tensors) {
    yield* requantised(tensor, dtype satisfies EncodableDType, () => undefined).pieces();
  }
}
