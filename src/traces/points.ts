// The points of a forward pass as a comparison knows them: HuggingFace names in forward order, what kind of
// module each one shows, and the axes of its values.

import type { ModelConfig } from '../config.ts';
import { tracePoints } from '../model/trace.ts';

/** One trace point of one layer, or of the whole model (`layer` undefined). */
export interface PointPlace {
  readonly layer?: number;
  /**
   * `input_layernorm`, `self_attn.q_proj`, …; `layer` for a block's output; `embed_tokens`, `norm`,
   * `lm_head`.
   */
  readonly part: string;
}

export function placeOf(name: string): PointPlace {
  const match = /^model\.layers\.(\d+)(?:\.(.+))?$/.exec(name);
  if (match) return { layer: Number(match[1]), part: match[2] ?? 'layer' };
  return { part: name.replace(/^model\./, '') };
}

/** `model.layers.3.mlp.act` for (3, 'mlp.act'); the block's output for 'layer'. */
export function pointName(layer: number, part: string): string {
  return part === 'layer' ? `model.layers.${layer}` : `model.layers.${layer}.${part}`;
}

/** Every point in forward order, the logits last. */
export function allPoints(numLayers: number): string[] {
  return [...tracePoints(numLayers), 'lm_head'];
}

/** What a block or a head reads: the residual stream after `layer`, or the embedding before the first. */
export function streamBefore(layer: number): string {
  return layer === 0 ? 'model.embed_tokens' : pointName(layer - 1, 'layer');
}

/** Parts whose values are a matrix times their input. */
export const LINEAR_PARTS: Readonly<Record<string, string>> = {
  'self_attn.q_proj': 'input_layernorm',
  'self_attn.k_proj': 'input_layernorm',
  'self_attn.v_proj': 'input_layernorm',
  'self_attn.o_proj': 'self_attn.attn_out',
  'mlp.gate_proj': 'post_attention_layernorm',
  'mlp.up_proj': 'post_attention_layernorm',
  'mlp.down_proj': 'mlp.act',
};

/**
 * Axes of a point's values as this package stores them, sizes outermost first: rows, then heads where there
 * are any, then what is left. `attn_probs` is [numHeads, rows, positions].
 */
export function axesOf(part: string, config: ModelConfig, numRows: number): number[] {
  const { numHeads, numKvHeads, headDim, hiddenSize, intermediateSize, vocabSize } = config;
  switch (part) {
    case 'self_attn.q_proj':
    case 'self_attn.q_rope':
    case 'self_attn.attn_out':
      return [numRows, numHeads, headDim];
    case 'self_attn.k_proj':
    case 'self_attn.k_rope':
    case 'self_attn.v_proj':
      return [numRows, numKvHeads, headDim];
    case 'self_attn.attn_probs':
      return [numHeads, numRows, numRows];
    case 'mlp.gate_proj':
    case 'mlp.up_proj':
    case 'mlp.act':
      return [numRows, intermediateSize];
    case 'lm_head':
      return [numRows, vocabSize];
    default:
      return [numRows, hiddenSize];
  }
}
