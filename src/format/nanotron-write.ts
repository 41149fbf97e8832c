// A model in nanotron's checkpoint layout: weights and metadata for any number of ranks; see nanotron-layout.ts.

import { DTYPES } from '../base/dtype.ts';
import { UnsupportedError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import type { Checkpoint } from './checkpoint.ts';
import { hfRow, isPermuted, reorderRows } from './gguf-names.ts';
import { hfConfigJson } from './hf-write.ts';
import {
  type NanotronParameter,
  nanotronParameters,
  parameterFile,
  parameterShape,
  rankSlices,
  type SlicePair,
  slicesText,
} from './nanotron-layout.ts';
import { requantised } from './requantise.ts';
import { type SafetensorsInput, writeSafetensors } from './safetensors.ts';

export interface NanotronOptions {
  /** Ranks of tensor parallelism; 1 unless told otherwise. */
  readonly tp?: number;
  /** Rotary pairs lie beside each other, as in SmolLM2-1.7B's run; otherwise in halves. */
  readonly isInterleaved?: boolean;
  /** What the run had done. */
  readonly progress?: NanotronProgress;
}

/** `metas` of checkpoint_metadata.json. */
export interface NanotronProgress {
  readonly last_train_step: number;
  readonly consumed_train_samples: number;
  readonly consumed_tokens_total: number;
  readonly last_stage_idx: number;
  readonly data_stages: readonly unknown[];
}

/** A file to be written, as a path below the folder of the step. */
export interface FileToWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const VERSION = '1.5';
const NOTHING_DONE: NanotronProgress = {
  last_train_step: 0,
  consumed_train_samples: 0,
  consumed_tokens_total: 0,
  last_stage_idx: 0,
  data_stages: [],
};

/**
 * Every file of the checkpoint, one parameter at a time.
 *
 * @throws RangeError when heads or sizes cannot be divided by the number of ranks
 */
export async function* nanotronFiles(
  checkpoint: Checkpoint,
  options: NanotronOptions = {},
): AsyncGenerator<FileToWrite> {
  const { tp = 1, isInterleaved = false, progress = NOTHING_DONE } = options;
  const { config } = checkpoint;
  if (!Number.isInteger(tp) || tp < 1 || config.numKvHeads % tp !== 0) {
    throw new RangeError(`tp: expected a divisor of the ${config.numKvHeads} key and value heads, got ${tp}`);
  }
  yield json('model_config.json', modelConfigJson(config, isInterleaved));
  yield json('checkpoint_metadata.json', {
    version: VERSION,
    tp,
    dp: 1,
    cp: 1,
    metas: progress,
    custom_metas: null,
  });
  for (const parameter of nanotronParameters(config)) {
    const whole = await wholeParameter(parameter, checkpoint, isInterleaved);
    for (let rank = 0; rank < (parameter.split === 'none' ? 1 : tp); rank++) {
      const path = `model/${parameter.folder}/${parameterFile(parameter, rank, tp)}`;
      yield { path, bytes: rankFile(parameter, whole, rank, tp) };
    }
  }
}

/** Values of a parameter as stored, parts below each other. */
interface Whole {
  readonly bytes: Uint8Array;
  readonly dtype: 'F32' | 'F16' | 'BF16';
}

async function wholeParameter(
  parameter: NanotronParameter,
  checkpoint: Checkpoint,
  isInterleaved: boolean,
): Promise<Whole> {
  const stored = parameter.parts.map(({ name }) => checkpoint.tensors.get(name)!);
  const types = new Set(stored.map(({ dtype }) => dtype));
  const [first] = types;
  // Quantised weights, and parts of different formats, become float32: nanotron has one plain format a file.
  const dtype = types.size === 1 && (first === 'BF16' || first === 'F16') ? first : 'F32';
  const pieces: Uint8Array[] = [];
  for (const tensor of stored) {
    const isPaired = isInterleaved && isPermuted(tensor.name);
    const ordered = isPaired ? reorderRows(tensor, checkpoint.config.headDim, hfRow) : tensor;
    for await (const piece of requantised(ordered, dtype, () => undefined).pieces())
      pieces.push(piece.slice());
  }
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, dtype };
}

function rankFile(parameter: NanotronParameter, whole: Whole, rank: number, ranks: number): Uint8Array {
  const shape = parameterShape(parameter);
  if (parameter.split === 'none') return writeSafetensors([dataTensor(shape, whole.bytes, whole.dtype)]);
  const pairs = rankSlices(parameter, rank, ranks);
  const local = cut(pairs, shape, whole);
  return writeSafetensors([dataTensor(local.shape, local.bytes, whole.dtype)], {
    version: VERSION,
    local_global_slices_pairs: slicesText(pairs),
    unsharded_shape: shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`,
  });
}

function dataTensor(shape: readonly number[], bytes: Uint8Array, dtype: Whole['dtype']): SafetensorsInput {
  const isF32 = dtype === 'F32';
  const values = isF32 ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : bytes;
  return { name: 'data', shape, values, ...(isF32 ? {} : { dtype }) };
}

/** The rows or columns of the global slices, below each other. */
function cut(pairs: readonly SlicePair[], shape: readonly number[], { bytes, dtype }: Whole) {
  const size = DTYPES[dtype].blockBytes;
  const columns = shape[1] ?? 1;
  const [begin, end] = pairs[0].global[1] ?? [0, columns];
  const rows = pairs.flatMap(({ global }) => {
    const [first, last] = global[0] ?? [0, shape[0]];
    return Array.from({ length: last - first }, (_, i) => first + i);
  });
  const width = (end - begin) * size;
  const out = new Uint8Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    const from = (row * columns + begin) * size;
    out.set(bytes.subarray(from, from + width), i * width);
  }
  return { bytes: out, shape: shape.length === 1 ? [rows.length] : [rows.length, end - begin] };
}

/** nanotron's LlamaConfig. */
function modelConfigJson(config: ModelConfig, isInterleaved: boolean): unknown {
  const {
    architectures: _,
    model_type: __,
    torch_dtype: ___,
    head_dim: headDim,
    mlp_bias: ____,
    ...shared
  } = hfConfigJson(config);
  if (headDim !== config.hiddenSize / config.numHeads) {
    throw new UnsupportedError(
      `head_dim: expected hidden_size / heads, got ${headDim}; nanotron has no other`,
    );
  }
  return {
    ...shared,
    attention_bias: config.qkvBias,
    is_llama_config: !config.qkvBias,
    ...(config.qkvBias ? { is_qwen2_config: true } : {}),
    pad_token_id: null,
    pretraining_tp: 1,
    rope_interleaved: isInterleaved,
    use_cache: true,
  };
}

function json(path: string, value: unknown): FileToWrite {
  return { path, bytes: new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`) };
}
