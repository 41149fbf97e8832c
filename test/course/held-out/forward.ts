import type { Learner } from './learner.ts';

type Rows = number[][];
interface Ops {
  embed(ids: number[]): Rows;
  norm(name: string, rows: Rows): Rows;
  linear(name: string, rows: Rows): Rows;
  rope(rows: Rows): Rows;
  attend(q: Rows, k: Rows, v: Rows): Rows;
  swiglu(gate: Rows, up: Rows): Rows;
  add(a: Rows, b: Rows): Rows;
}

function attn(x: Rows, l: number, ops: Ops): Rows {
  const p = `model.layers.${l}.self_attn`;
  const [q, k, v] = ['q', 'k', 'v'].map((name) => ops.linear(`${p}.${name}_proj`, x));
  return ops.linear(`${p}.o_proj`, ops.attend(ops.rope(q), ops.rope(k), v));
}

function ffn(x: Rows, l: number, ops: Ops): Rows {
  const p = `model.layers.${l}.mlp`;
  return ops.linear(
    `${p}.down_proj`,
    ops.swiglu(ops.linear(`${p}.gate_proj`, x), ops.linear(`${p}.up_proj`, x)),
  );
}

const first = (l: number) => `model.layers.${l}.input_layernorm`;
const second = (l: number) => `model.layers.${l}.post_attention_layernorm`;
const end = (x: Rows, ops: Ops) => ops.linear('lm_head', ops.norm('model.norm', x));

export const right: Learner[] = [
  {
    what: 'helpers for the two halves of a layer, terms of sums exchanged',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        x = ops.add(attn(ops.norm(first(l), x), l, ops), x);
        x = ops.add(ffn(ops.norm(second(l), x), l, ops), x);
      }
      return end(x, ops);
    },
  },
  {
    what: 'a reduce over layers, up before gate and v before q',
    solution: (ids: number[], numLayers: number, { embed, norm, linear, rope, attend, swiglu, add }: Ops) => {
      const last = [...Array(numLayers).keys()].reduce((stream, l) => {
        const at = (name: string) => `model.layers.${l}.${name}`;
        const a = norm(at('input_layernorm'), stream);
        const v = linear(at('self_attn.v_proj'), a);
        const k = rope(linear(at('self_attn.k_proj'), a));
        const mix = attend(rope(linear(at('self_attn.q_proj'), a)), k, v);
        const between = add(stream, linear(at('self_attn.o_proj'), mix));
        const m = norm(at('post_attention_layernorm'), between);
        const up = linear(at('mlp.up_proj'), m);
        const act = swiglu(linear(at('mlp.gate_proj'), m), up);
        return add(between, linear(at('mlp.down_proj'), act));
      }, embed(ids));
      return linear('lm_head', norm('model.norm', last));
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'the second norm reads the stream from before attention',
    name: 'parallel-branches',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        const a = attn(ops.norm(first(l), x), l, ops);
        const m = ffn(ops.norm(second(l), x), l, ops);
        x = ops.add(ops.add(x, a), m);
      }
      return end(x, ops);
    },
  },
  {
    what: 'attention replaces the stream',
    name: 'no-first-residual',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        x = attn(ops.norm(first(l), x), l, ops);
        x = ops.add(x, ffn(ops.norm(second(l), x), l, ops));
      }
      return end(x, ops);
    },
  },
  {
    what: 'no norm before lm_head',
    name: 'no-final-norm',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        x = ops.add(x, attn(ops.norm(first(l), x), l, ops));
        x = ops.add(x, ffn(ops.norm(second(l), x), l, ops));
      }
      return ops.linear('lm_head', x);
    },
  },
  {
    what: 'keys are not turned',
    name: 'key-not-turned',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        const n = ops.norm(first(l), x);
        const [q, k, v] = ['q', 'k', 'v'].map((c) => ops.linear(`model.layers.${l}.self_attn.${c}_proj`, n));
        x = ops.add(x, ops.linear(`model.layers.${l}.self_attn.o_proj`, ops.attend(ops.rope(q), k, v)));
        x = ops.add(x, ffn(ops.norm(second(l), x), l, ops));
      }
      return end(x, ops);
    },
  },
  {
    what: 'adds to the normed rows, not to the stream',
    name: 'stream-normed',
    missedAtFirst: true,
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        x = ops.norm(first(l), x);
        x = ops.add(x, attn(x, l, ops));
        x = ops.norm(second(l), x);
        x = ops.add(x, ffn(x, l, ops));
      }
      return end(x, ops);
    },
  },
  {
    what: 'values are turned like queries and keys',
    name: 'value-turned',
    solution: (ids: number[], numLayers: number, ops: Ops) => {
      let x = ops.embed(ids);
      for (let l = 0; l < numLayers; l++) {
        const n = ops.norm(first(l), x);
        const [q, k, v] = ['q', 'k', 'v'].map((c) =>
          ops.rope(ops.linear(`model.layers.${l}.self_attn.${c}_proj`, n)),
        );
        x = ops.add(x, ops.linear(`model.layers.${l}.self_attn.o_proj`, ops.attend(q, k, v)));
        x = ops.add(x, ffn(ops.norm(second(l), x), l, ops));
      }
      return end(x, ops);
    },
  },
];
