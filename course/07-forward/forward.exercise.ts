// The whole forward pass. The operations are given and write down what they computed under the names of the modules, so
// that a wrong wiring is found as `smollm2 diff` finds it in any program: by the first point that its inputs do not
// explain.

import { diff, type RawTrace, verdictText, type WeightSource } from 'smollm2/compare';
import { exercise, help } from '../exercise.ts';
import type { Outcome } from '../grade.ts';
import { CONFIG, type Operations, operations, type Rows, WEIGHTS } from './tiny-model.ts';

type Args = [ids: number[], numLayers: number];

const CASES: Args[] = [
  [[5], CONFIG.numLayers],
  [[5, 17, 3, 3, 20], CONFIG.numLayers],
  [[1, 9, 22, 0, 14, 7, 11, 2, 19, 4, 8, 16], CONFIG.numLayers],
];

/** The search for a cause may take so long, in milliseconds. */
const SEARCH_MS = 1500;

export const forward = exercise({
  name: 'forward',
  chapter: 7,
  folder: '07-forward',
  title: 'The forward pass: wire it all together',
  minutes: 30,
  importance: 3,
  cases: CASES.map((args, i) => ({ name: ['one token', 'five tokens', 'twelve tokens'][i], args })),
  drive: (solver, ids, numLayers) => {
    const trace: Record<string, number[]> = {};
    const result = (solver as (...args: unknown[]) => unknown)(ids, numLayers, operations(trace));
    return { result, trace };
  },
  truth: wired(() => false) as never,
  variant: (has) => wired(has as (mistake: string) => boolean) as never,
  examine: (own, want, index) => examine(own, want, CASES[index][0]),
  mistakes: {
    'stream-normed': help(
      'to what are both branches added?',
      'yours: to the normed rows, which take the place of the stream. Meant: to the stream itself.',
      'stream = norm(stream); stream = add(stream, …)',
      'normed = norm(stream); stream = add(stream, …)',
    ),
    'no-first-residual': help(
      'what becomes of the stream at the attention?',
      'yours: stream = branch. Meant: stream + branch.',
      'stream = linear(o_proj, …)',
      'stream = add(stream, linear(o_proj, …))',
    ),
    'no-second-residual': help(
      'what becomes of the stream at the MLP?',
      'yours: stream = branch. Meant: stream + branch.',
      'stream = linear(down_proj, …)',
      'stream = add(stream, linear(down_proj, …))',
    ),
    'parallel-branches': help(
      'what does the second norm read?',
      'yours: the stream from before the attention. Meant: after it was added.',
      'norm(post_attention_layernorm, before)',
      'norm(post_attention_layernorm, stream)',
    ),
    'residual-from-norm': help(
      'to what is the branch added?',
      'yours: to the normed rows. Meant: to the stream itself.',
      'add(normed, branch)',
      'add(stream, branch)',
    ),
    'no-input-norm': help(
      'what do query, key and value read?',
      'yours: the stream. Meant: the normed stream.',
      'linear(q_proj, stream)',
      'linear(q_proj, normed)',
    ),
    'no-second-norm': help(
      'what do gate and up read?',
      'yours: the stream. Meant: the normed stream.',
      'linear(gate_proj, stream)',
      'linear(gate_proj, norm(post_attention_layernorm, stream))',
    ),
    'no-final-norm': help(
      'what does the last matrix read?',
      'yours: the stream. Meant: the stream after model.norm.',
      'linear(lm_head, stream)',
      'linear(lm_head, norm(model.norm, stream))',
    ),
    'norms-exchanged': help(
      'which norm belongs to which branch?',
      'yours: the two norms of a layer exchanged.',
      'post_attention_layernorm first',
      'input_layernorm first',
    ),
    'norm-after': help(
      'before the branch, or after it?',
      'yours: norms the result of the attention. Meant: norms its input.',
      'norm(o_proj output)',
      'norm(stream), then q, k, v',
    ),
    'query-not-turned': help(
      'what is turned?',
      'yours: keys only. Meant: queries and keys.',
      'attend(q, rope(k), v)',
      'attend(rope(q), rope(k), v)',
    ),
    'key-not-turned': help(
      'what is turned?',
      'yours: queries only. Meant: queries and keys.',
      'attend(rope(q), k, v)',
      'attend(rope(q), rope(k), v)',
    ),
    'nothing-turned': help(
      'does the model know the order of the words?',
      'yours: neither query nor key is turned.',
      'attend(q, k, v)',
      'attend(rope(q), rope(k), v)',
    ),
    'value-turned': help(
      'what is turned?',
      'yours: values too. Meant: queries and keys only.',
      'rope(v)',
      'v',
    ),
    'keys-for-values': help(
      'which three go into attend?',
      'yours: q, k, k. Meant: q, k, v.',
      'attend(q, k, k)',
      'attend(q, k, v)',
    ),
    'gate-for-up': help(
      'which of the two goes through the curve?',
      'yours: swiglu(up, gate). Meant: swiglu(gate, up).',
      'swiglu(up, gate)',
      'swiglu(gate, up)',
    ),
    'no-output-matrix': help(
      'what comes after attend?',
      'yours: its rows go to the stream as they are. Meant: through o_proj.',
      'add(stream, mixed)',
      'add(stream, linear(o_proj, mixed))',
    ),
    'last-layer-missing': help(
      'count the layers.',
      'yours: one fewer. Meant: all.',
      'l < numLayers - 1',
      'l < numLayers',
    ),
    'first-layer-always': help(
      'which layer’s weights?',
      'yours: those of layer 0 each time. Meant: its own.',
      'model.layers.0',
      'model.layers.l',
    ),
  },
  why: [
    'Every branch adds to the stream and never replaces it: what a layer does not touch goes through unchanged.',
    'The same comparison that judged you judges llama.cpp and PyTorch: npx smollm2 diff.',
  ],
});

function wired(has: (mistake: string) => boolean) {
  return (ids: number[], numLayers: number, ops: Operations): Rows => {
    let stream = ops.embed(ids);
    const count = has('last-layer-missing') ? numLayers - 1 : numLayers;
    for (let l = 0; l < count; l++) stream = layer(has, stream, has('first-layer-always') ? 0 : l, ops);
    return ops.linear('lm_head', has('no-final-norm') ? stream : ops.norm('model.norm', stream));
  };
}

function layer(has: (mistake: string) => boolean, input: Rows, l: number, ops: Operations): Rows {
  const name = (part: string) => `model.layers.${l}.${part}`;
  const [first, second] = has('norms-exchanged')
    ? ['post_attention_layernorm', 'input_layernorm']
    : ['input_layernorm', 'post_attention_layernorm'];
  let stream = input;
  const normed = has('no-input-norm') || has('norm-after') ? stream : ops.norm(name(first), stream);
  if (has('stream-normed')) stream = normed;
  const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((part) =>
    ops.linear(name(`self_attn.${part}`), normed),
  );
  const isPlain = has('nothing-turned');
  const query = has('query-not-turned') || isPlain ? q : ops.rope(q);
  const key = has('key-not-turned') || isPlain ? k : ops.rope(k);
  const value = has('value-turned') ? ops.rope(v) : has('keys-for-values') ? key : v;
  const mixed = ops.attend(query, key, value);
  let branch = has('no-output-matrix') ? mixed : ops.linear(name('self_attn.o_proj'), mixed);
  if (has('norm-after')) branch = ops.norm(name(first), branch);
  stream = has('no-first-residual') ? branch : ops.add(has('residual-from-norm') ? normed : stream, branch);
  const seen = has('parallel-branches') ? input : stream;
  const again = has('no-second-norm') ? seen : ops.norm(name(second), seen);
  const [gate, up] = ['gate_proj', 'up_proj'].map((part) => ops.linear(name(`mlp.${part}`), again));
  const act = has('gate-for-up') ? ops.swiglu(up, gate) : ops.swiglu(gate, up);
  const down = ops.linear(name('mlp.down_proj'), act);
  return has('no-second-residual') ? down : ops.add(has('stream-normed') ? again : stream, down);
}

/** The tiny model's weights as the comparison reads them. */
const weights: WeightSource = {
  config: CONFIG,
  shape: (name) => WEIGHTS.get(name.replace(/\.weight$/, ''))?.shape,
  rows: async (name, begin, end) => {
    const weight = WEIGHTS.get(name.replace(/\.weight$/, ''));
    if (!weight) throw new RangeError(`weights: expected a tensor of the tiny model, got ${name}`);
    const size = weight.shape[weight.shape.length - 1];
    return weight.values.slice(begin * size, end * size);
  },
};

function traceOf(name: string, ids: readonly number[], outcome: Outcome): RawTrace {
  const points = { ...outcome.trace, lm_head: [...(outcome.values ?? [])] };
  const tensors = Object.entries(points).map(
    ([point, values]): [string, { shape: number[]; values: Float64Array }] => [
      point,
      { shape: [1, ids.length, values.length / ids.length], values: Float64Array.from(values) },
    ],
  );
  tensors.push(['input_ids', { shape: [1, ids.length], values: Float64Array.from(ids) }]);
  return { name, tensors: new Map(tensors), metadata: {} };
}

/** What `diff` says of the first case that is wrong. */
async function examine(own: Outcome, want: Outcome, ids: readonly number[]): Promise<string[]> {
  if (!own.values || own.shape !== want.shape) return [];
  const report = await diff(traceOf('right', ids, want), traceOf('yours', ids, own), {
    weights,
    searchMs: SEARCH_MS,
  });
  return verdictText(report).split('\n');
}
