// How nanotron lays a model out on disk (huggingface/nanotron, src/nanotron/serialize, version 1.5): one safetensors
// file for each parameter and rank of tensor parallelism. Query, key and value rows are one parameter, gate and up
// rows another; ranks hold their share of each part. nanotron.ts reads such a folder, nanotron-write.ts writes one.

import { FormatError, UnsupportedError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import { expectedTensors } from './expected.ts';

/** A parameter of nanotron's and the HF tensors in it, rows of one below rows of the other. */
export interface NanotronParameter {
  /** Path below `model/`, without the file name: `model/decoder/0/pp_block/attn/qkv_proj`. */
  readonly folder: string;
  /** `weight` or `bias`. */
  readonly kind: string;
  readonly parts: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** `rows`: ranks hold rows of each part; `columns`: columns of the whole; `none`: every rank has it all. */
  readonly split: 'rows' | 'columns' | 'none';
}

/** Half-open ranges of a matrix or vector: rows, then columns; null is all of the axis. */
export type Slices = readonly (readonly [begin: number, end: number] | null)[];

/** Where the values of a file come to lie in the whole parameter. */
export interface SlicePair {
  readonly local: Slices;
  readonly global: Slices;
}

/** Every parameter of a model, in the order of the forward pass. */
export function nanotronParameters(config: ModelConfig): NanotronParameter[] {
  if (config.oBias || config.mlpBias) {
    throw new UnsupportedError(
      `nanotron: expected biases on q, k and v at most, got some on ${config.oBias ? 'o' : 'gate, up and down'}`,
    );
  }
  const shapes = expectedTensors(config);
  const parameter = (folder: string, split: NanotronParameter['split'], names: readonly string[]) => ({
    folder: `model/${folder}`,
    kind: names[0].slice(names[0].lastIndexOf('.') + 1),
    parts: names.map((name) => ({ name, shape: shapes.get(name)! })),
    split,
  });
  const list = [
    parameter('token_position_embeddings/pp_block/token_embedding', 'rows', ['model.embed_tokens.weight']),
  ];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const at = `decoder/${layer}/pp_block`;
    const of = (...parts: string[]) => parts.map((part) => `model.layers.${layer}.${part}`);
    const qkv = (kind: string) => of(...['q', 'k', 'v'].map((part) => `self_attn.${part}_proj.${kind}`));
    list.push(parameter(`${at}/input_layernorm`, 'none', of('input_layernorm.weight')));
    list.push(parameter(`${at}/attn/qkv_proj`, 'rows', qkv('weight')));
    if (config.qkvBias) list.push(parameter(`${at}/attn/qkv_proj`, 'rows', qkv('bias')));
    list.push(parameter(`${at}/attn/o_proj`, 'columns', of('self_attn.o_proj.weight')));
    list.push(parameter(`${at}/post_attention_layernorm`, 'none', of('post_attention_layernorm.weight')));
    list.push(parameter(`${at}/mlp/gate_up_proj`, 'rows', of('mlp.gate_proj.weight', 'mlp.up_proj.weight')));
    list.push(parameter(`${at}/mlp/down_proj`, 'columns', of('mlp.down_proj.weight')));
  }
  list.push(parameter('final_layer_norm/pp_block', 'none', ['model.norm.weight']));
  if (!config.tiedEmbeddings) list.push(parameter('lm_head/pp_block', 'rows', ['lm_head.weight']));
  return list;
}

/** Shape of the whole parameter. */
export function parameterShape({ parts }: NanotronParameter): number[] {
  const rows = parts.reduce((sum, { shape }) => sum + shape[0], 0);
  return [rows, ...parts[0].shape.slice(1)];
}

/** Name of a rank's file; parameters that are not split have one file for all ranks. */
export function parameterFile({ kind, split }: NanotronParameter, rank: number, ranks: number): string {
  const suffix = split === 'none' ? '' : `_pp-rank-0-of-1_tp-rank-${rank}-of-${ranks}`;
  return `model_${kind}${suffix}.safetensors`;
}

/**
 * What rank `rank` of `ranks` holds of a parameter.
 *
 * @throws RangeError when a part cannot be divided by the number of ranks
 */
export function rankSlices(parameter: NanotronParameter, rank: number, ranks: number): SlicePair[] {
  const { parts, split } = parameter;
  const shape = parameterShape(parameter);
  const all: Slices = shape.map(() => null);
  const share = (size: number, name: string) => {
    if (size % ranks === 0) return size / ranks;
    throw new RangeError(`tp: expected a divisor of the ${size} rows or columns of ${name}, got ${ranks}`);
  };
  if (split === 'columns') {
    const size = share(shape[1], parts[0].name);
    return [{ local: all, global: [null, [rank * size, (rank + 1) * size]] }];
  }
  if (parts.length === 1) {
    const size = share(shape[0], parts[0].name);
    return [{ local: all, global: [[rank * size, (rank + 1) * size], ...all.slice(1)] }];
  }
  let localRow = 0;
  let globalRow = 0;
  return parts.map((part) => {
    const size = share(part.shape[0], part.name);
    const begin = globalRow + rank * size;
    const pair: SlicePair = {
      local: [[localRow, localRow + size], ...all.slice(1)],
      global: [[begin, begin + size], ...all.slice(1)],
    };
    localRow += size;
    globalRow += part.shape[0];
    return pair;
  });
}

/** `local_global_slices_pairs`: `0,16,None|None,None,None#32,40,None|None,None,None;…`. */
export function slicesText(pairs: readonly SlicePair[]): string {
  const axis = (range: Slices[number]) => (range ? `${range[0]},${range[1]},None` : 'None,None,None');
  const slices = (list: Slices) => list.map(axis).join('|');
  return pairs.map(({ local, global }) => `${slices(local)}#${slices(global)}`).join(';');
}

/** @throws FormatError when the text is not one of slices */
export function parseSlices(text: string, file: string): SlicePair[] {
  const fail = (got: string): never => {
    const field = 'local_global_slices_pairs';
    throw new FormatError(`expected start,stop,None, got ${JSON.stringify(got.slice(0, 60))}`, {
      file,
      field,
    });
  };
  const axis = (part: string): Slices[number] => {
    if (part === 'None,None,None') return null;
    const [, begin, end] = /^(\d{1,9}),(\d{1,9}),(?:None|1)$/.exec(part) ?? fail(part);
    return [Number(begin), Number(end)];
  };
  return text.split(';').map((pair) => {
    const [local, global, ...rest] = pair.split('#');
    if (global === undefined || rest.length > 0) return fail(pair);
    return { local: local.split('|').map(axis), global: global.split('|').map(axis) };
  });
}

/** `unsharded_shape`: `(64, 32)`, or `(np.int64(64), np.int64(32))` as numpy 2 prints it. */
export function parseUnshardedShape(text: string, file: string): number[] {
  const plain = text.replaceAll(/np\.int64\((\d+)\)/g, '$1');
  if (!/^\(\d{1,9}(, ?\d{1,9})*,?\)$/.test(plain)) {
    throw new FormatError(`expected a shape such as (64, 32), got ${JSON.stringify(text.slice(0, 60))}`, {
      file,
      field: 'unsharded_shape',
    });
  }
  return [...plain.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}
