// The network as one table: every point that can be watched, what it is computed from, by which rule, and how its
// values lie. Traces, `diff`, names of other programs and the documents read it here.

import type { ModelConfig } from '../config.ts';

/** A size of a point's values, outermost first. */
export type Axis =
  | 'rows'
  | 'positions'
  | 'numHeads'
  | 'numKvHeads'
  | 'headDim'
  | 'hiddenSize'
  | 'intermediateSize'
  | 'vocabSize';

/** How a point follows from its inputs; each rule is one operation of src/ops.ts. */
export type Rule = 'embed' | 'norm' | 'linear' | 'rope' | 'softmax' | 'mix' | 'gate' | 'add';

export interface NetworkPoint {
  /** The HuggingFace module of a layer whose output it is; `layer` for the block's own output. */
  readonly part: string;
  /** Parts of the same layer; `stream` is what the layer before left (the embedding, before the first). */
  readonly inputs: readonly string[];
  readonly axes: readonly Axis[];
  readonly rule: Rule;
}

const stream: readonly Axis[] = ['rows', 'hiddenSize'];
const queries: readonly Axis[] = ['rows', 'numHeads', 'headDim'];
const keys: readonly Axis[] = ['rows', 'numKvHeads', 'headDim'];
const wide: readonly Axis[] = ['rows', 'intermediateSize'];

/** A block's points in the order in which they are passed. */
export const LAYER_POINTS: readonly NetworkPoint[] = [
  { part: 'input_layernorm', inputs: ['stream'], axes: stream, rule: 'norm' },
  { part: 'self_attn.q_proj', inputs: ['input_layernorm'], axes: queries, rule: 'linear' },
  { part: 'self_attn.k_proj', inputs: ['input_layernorm'], axes: keys, rule: 'linear' },
  { part: 'self_attn.v_proj', inputs: ['input_layernorm'], axes: keys, rule: 'linear' },
  { part: 'self_attn.q_rope', inputs: ['self_attn.q_proj'], axes: queries, rule: 'rope' },
  { part: 'self_attn.k_rope', inputs: ['self_attn.k_proj'], axes: keys, rule: 'rope' },
  {
    part: 'self_attn.attn_probs',
    inputs: ['self_attn.q_rope', 'self_attn.k_rope'],
    axes: ['numHeads', 'rows', 'positions'],
    rule: 'softmax',
  },
  {
    part: 'self_attn.attn_out',
    inputs: ['self_attn.attn_probs', 'self_attn.v_proj'],
    axes: queries,
    rule: 'mix',
  },
  { part: 'self_attn.o_proj', inputs: ['self_attn.attn_out'], axes: stream, rule: 'linear' },
  { part: 'residual_after_attention', inputs: ['stream', 'self_attn.o_proj'], axes: stream, rule: 'add' },
  { part: 'post_attention_layernorm', inputs: ['residual_after_attention'], axes: stream, rule: 'norm' },
  { part: 'mlp.gate_proj', inputs: ['post_attention_layernorm'], axes: wide, rule: 'linear' },
  { part: 'mlp.up_proj', inputs: ['post_attention_layernorm'], axes: wide, rule: 'linear' },
  { part: 'mlp.act', inputs: ['mlp.gate_proj', 'mlp.up_proj'], axes: wide, rule: 'gate' },
  { part: 'mlp.down_proj', inputs: ['mlp.act'], axes: stream, rule: 'linear' },
  { part: 'layer', inputs: ['residual_after_attention', 'mlp.down_proj'], axes: stream, rule: 'add' },
];

/** Before and after the layers; the stream of `norm` is the last layer's. */
export const MODEL_POINTS: readonly NetworkPoint[] = [
  { part: 'embed_tokens', inputs: [], axes: stream, rule: 'embed' },
  { part: 'norm', inputs: ['stream'], axes: stream, rule: 'norm' },
  { part: 'lm_head', inputs: ['norm'], axes: ['rows', 'vocabSize'], rule: 'linear' },
];

const BY_PART = new Map([...MODEL_POINTS, ...LAYER_POINTS].map((point) => [point.part, point]));

/** One point of one layer, or of the whole model (`layer` undefined). */
export interface PointPlace {
  readonly layer?: number;
  readonly part: string;
}

/** `model.layers.3.mlp.act` is part `mlp.act` of layer 3, `model.layers.3` part `layer` of it. */
export function placeOf(name: string): PointPlace {
  const match = /^model\.layers\.(\d+)(?:\.(.+))?$/.exec(name);
  if (match) return { layer: Number(match[1]), part: match[2] ?? 'layer' };
  return { part: name.replace(/^model\./, '') };
}

/** `model.layers.3.mlp.act` for (3, 'mlp.act'); the block's output for 'layer'. */
export function pointName(layer: number, part: string): string {
  return part === 'layer' ? `model.layers.${layer}` : `model.layers.${layer}.${part}`;
}

/** What a block or a head reads: the residual stream after `layer - 1`, or the embedding before the first. */
export function streamBefore(layer: number): string {
  return layer === 0 ? 'model.embed_tokens' : pointName(layer - 1, 'layer');
}

/** Every point of a model in forward order, the logits last. */
export function allPoints(numLayers: number): string[] {
  const layers = Array.from({ length: numLayers }, (_, l) =>
    LAYER_POINTS.map(({ part }) => pointName(l, part)),
  );
  return ['model.embed_tokens', ...layers.flat(), 'model.norm', 'lm_head'];
}

/** The row of the table for a part; undefined for a name that shows no point. */
export function pointOf(part: string): NetworkPoint | undefined {
  return BY_PART.get(part);
}

/** Names of the points that a point is computed from. */
export function inputsOf(name: string, numLayers: number): string[] {
  const { layer, part } = placeOf(name);
  return (BY_PART.get(part)?.inputs ?? []).map((input) => {
    if (input === 'stream') return streamBefore(layer ?? numLayers);
    return layer === undefined ? `model.${input}` : pointName(layer, input);
  });
}

/**
 * Sizes of a point's values as this package stores them, outermost first; a pass over a whole prompt has as
 * many positions as rows.
 */
export function axesOf(part: string, config: ModelConfig, numRows: number): number[] {
  const sizes = { ...config, rows: numRows, positions: numRows };
  return (BY_PART.get(part)?.axes ?? stream).map((axis) => sizes[axis]);
}

/** Whether the part is a matrix times its input, inside a layer. */
export function isProjection(part: string): boolean {
  return part !== 'lm_head' && BY_PART.get(part)?.rule === 'linear';
}
