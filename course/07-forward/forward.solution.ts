type Rows = number[][];

interface Operations {
  embed(ids: number[]): Rows;
  norm(name: string, rows: Rows): Rows;
  linear(name: string, rows: Rows): Rows;
  rope(rows: Rows): Rows;
  attend(q: Rows, k: Rows, v: Rows): Rows;
  swiglu(gate: Rows, up: Rows): Rows;
  add(a: Rows, b: Rows): Rows;
}

export function forward(ids: number[], numLayers: number, ops: Operations): Rows {
  const { norm, linear, rope, attend, swiglu, add } = ops;
  let stream = ops.embed(ids);
  for (let l = 0; l < numLayers; l++) {
    const layer = `model.layers.${l}`;
    const normed = norm(`${layer}.input_layernorm`, stream);
    const [q, k, v] = ['q', 'k', 'v'].map((which) => linear(`${layer}.self_attn.${which}_proj`, normed));
    stream = add(stream, linear(`${layer}.self_attn.o_proj`, attend(rope(q), rope(k), v)));
    const again = norm(`${layer}.post_attention_layernorm`, stream);
    const [gate, up] = ['gate', 'up'].map((which) => linear(`${layer}.mlp.${which}_proj`, again));
    stream = add(stream, linear(`${layer}.mlp.down_proj`, swiglu(gate, up)));
  }
  return linear('lm_head', norm('model.norm', stream));
}
