type Rows = number[][]; // one row of numbers for each token

/** The operations of the chapters before. Weights are known by the names of their modules. */
interface Operations {
  embed(ids: number[]): Rows;
  norm(name: string, rows: Rows): Rows; // RMSNorm
  linear(name: string, rows: Rows): Rows; // rows times a weight matrix
  rope(rows: Rows): Rows; // turns each row by its position
  attend(q: Rows, k: Rows, v: Rows): Rows;
  swiglu(gate: Rows, up: Rows): Rows;
  add(a: Rows, b: Rows): Rows;
}

/**
 * From token ids to logits. For every layer l = 0 … numLayers − 1:
 *
 *     normed = norm of the stream               model.layers.l.input_layernorm
 *     q, k, v of normed                         model.layers.l.self_attn.q_proj, k_proj, v_proj
 *     stream + o_proj(attend(q, k, v)),         q and k turned; model.layers.l.self_attn.o_proj
 *     normed = norm of the stream               model.layers.l.post_attention_layernorm
 *     stream + down_proj(swiglu(gate, up))      model.layers.l.mlp.gate_proj, up_proj, down_proj
 *
 * and at the end model.norm and lm_head.
 *
 * @returns the logits of every token
 */
export function forward(ids: number[], numLayers: number, ops: Operations): Rows {
  throw new Error(`todo: ${ids.length} tokens through ${numLayers} layers with ${Object.keys(ops)}`);
}
