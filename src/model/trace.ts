// Observation points of a forward pass, named after the HuggingFace modules whose output they show. A watcher may
// read a value or replace it (engine.write) before the pass goes on.

import type { Vector } from '../ops.ts';

/**
 * Called at every trace point. `shape` has no batch dimension: [rows, size] for most points,
 * [rows, numHeads, headDim] for `q_rope` and `k_rope`, [numHeads, rows, positions] for `attn_probs`.
 */
export type Trace = (name: string, value: Vector, shape: readonly number[]) => void;

/** What one block's points are called: `model.layers.{layer}.{point}`. */
export const BLOCK_POINTS = [
  'input_layernorm',
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.q_rope',
  'self_attn.k_rope',
  'self_attn.attn_probs',
  'self_attn.attn_out',
  'self_attn.o_proj',
  'residual_after_attention',
  'post_attention_layernorm',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.act',
  'mlp.down_proj',
  '',
] as const;

/**
 * Every point of a model with `numLayers` layers, in the order in which they are passed. What follows, `lm_head`, is
 * not watched: the logits are what `Model.forward` returns.
 */
export function tracePoints(numLayers: number): string[] {
  const layers = Array.from({ length: numLayers }, (_, l) =>
    BLOCK_POINTS.map((point) => (point === '' ? `model.layers.${l}` : `model.layers.${l}.${point}`)),
  );
  return ['model.embed_tokens', ...layers.flat(), 'model.norm'];
}

/**
 * A traced value as HuggingFace lays it out: a batch dimension in front, and heads before rows after RoPE.
 *
 * @param shape as the trace callback got it
 */
export function hfLayout<Values extends Float64Array | Float32Array>(
  name: string,
  values: Values,
  shape: readonly number[],
): { values: Values; shape: number[] } {
  if (!/\.[qk]_rope$/.test(name)) return { values, shape: [1, ...shape] };
  const [numRows, numHeads, headDim] = shape;
  const turned = values.slice() as Values;
  for (let t = 0; t < numRows; t++) {
    for (let h = 0; h < numHeads; h++) {
      const from = (t * numHeads + h) * headDim;
      turned.set(values.subarray(from, from + headDim), (h * numRows + t) * headDim);
    }
  }
  return { values: turned, shape: [1, numHeads, numRows, headDim] };
}
