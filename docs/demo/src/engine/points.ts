// The sixteen operations of a block, in the order in which a pass makes them, by the names of src/model/points.ts.

export const BLOCK_PARTS = [
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
  'layer',
] as const;

export function pointNames(layer: number): string[] {
  return BLOCK_PARTS.map((part) =>
    part === 'layer' ? `model.layers.${layer}` : `model.layers.${layer}.${part}`,
  );
}
