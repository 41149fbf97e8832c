// A decoder small enough to be wrong quickly: two layers, four query heads on two key heads, random weights. It has
// SmolLM2's names and shapes, so that the same comparison judges it that judges other programs.

import { randomArray } from '../random.ts';

export type Rows = number[][];

export const CONFIG = {
  vocabSize: 24,
  hiddenSize: 16,
  intermediateSize: 20,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 4,
  maxSeqLen: 16,
  rmsNormEps: 1e-5,
  ropeTheta: 100,
  qkvBias: false,
  tiedEmbeddings: false,
  eosIds: [2],
};

const { vocabSize, hiddenSize, intermediateSize, numLayers, numHeads, numKvHeads, headDim } = CONFIG;
const LAYER_SHAPES: Readonly<Record<string, readonly number[]>> = {
  input_layernorm: [hiddenSize],
  'self_attn.q_proj': [numHeads * headDim, hiddenSize],
  'self_attn.k_proj': [numKvHeads * headDim, hiddenSize],
  'self_attn.v_proj': [numKvHeads * headDim, hiddenSize],
  'self_attn.o_proj': [hiddenSize, numHeads * headDim],
  post_attention_layernorm: [hiddenSize],
  'mlp.gate_proj': [intermediateSize, hiddenSize],
  'mlp.up_proj': [intermediateSize, hiddenSize],
  'mlp.down_proj': [hiddenSize, intermediateSize],
};

interface Weight {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

const SHAPES: [string, readonly number[]][] = [
  ['model.embed_tokens', [vocabSize, hiddenSize]],
  ...Array.from({ length: numLayers }, (_, l) =>
    Object.entries(LAYER_SHAPES).map(([part, shape]): [string, readonly number[]] => [
      `model.layers.${l}.${part}`,
      shape,
    ]),
  ).flat(),
  ['model.norm', [hiddenSize]],
  ['lm_head', [vocabSize, hiddenSize]],
];

/** Weights by the name of their module. */
export const WEIGHTS: ReadonlyMap<string, Weight> = new Map(
  SHAPES.map(([name, shape], n) => {
    const length = shape.reduce((a, b) => a * b);
    const values = randomArray(700 + n, length, 0.8);
    // Norms stand around 1, each number of its own, so that an exchanged norm shows.
    return [name, { shape, values: shape.length === 1 ? values.map((value) => 1 + value) : values }];
  }),
);

function weightOf(name: string, axes: number): Weight {
  const weight = WEIGHTS.get(name);
  if (weight?.shape.length === axes) return weight;
  const kind = axes === 1 ? 'norm' : 'matrix';
  throw new RangeError(
    `${name}: expected the name of a ${kind} of the model, such as model.layers.0.${axes === 1 ? 'input_layernorm' : 'self_attn.q_proj'}`,
  );
}

/** The operations of chapters 2 to 6 as the learner gets them; what a named one computes is written down. */
export function operations(trace: Record<string, number[]>) {
  const see = (name: string, rows: Rows): Rows => {
    trace[name] = rows.flat();
    return rows;
  };
  return {
    embed: (ids: readonly number[]): Rows => {
      const { values } = weightOf('model.embed_tokens', 2);
      return see(
        'model.embed_tokens',
        ids.map((id) => Array.from(values.subarray(id * hiddenSize, (id + 1) * hiddenSize))),
      );
    },
    norm: (name: string, rows: Rows): Rows => {
      const { values } = weightOf(name, 1);
      return see(
        name,
        rows.map((row) => {
          const rms = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length + CONFIG.rmsNormEps);
          return row.map((x, i) => (x / rms) * values[i]);
        }),
      );
    },
    linear: (name: string, rows: Rows): Rows => {
      const { shape, values } = weightOf(name, 2);
      const [outSize, inSize] = shape;
      const dot = (row: readonly number[], o: number) =>
        row.reduce((sum, x, i) => sum + x * values[o * inSize + i], 0);
      return see(
        name,
        rows.map((row) => Array.from({ length: outSize }, (_, o) => dot(row, o))),
      );
    },
    rope: (rows: Rows): Rows => rows.map(turned),
    attend,
    swiglu: (gate: Rows, up: Rows): Rows =>
      gate.map((row, t) => row.map((z, i) => (z / (1 + Math.exp(-z))) * up[t][i])),
    add: (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((x, i) => x + b[t][i])),
  };
}

export type Operations = ReturnType<typeof operations>;

/** A row of heads, each pair (j, j + headDim / 2) turned by the row's position. */
function turned(row: readonly number[], pos: number): number[] {
  const half = headDim / 2;
  return row.map((x, i) => {
    const j = i % headDim;
    const angle = pos * CONFIG.ropeTheta ** (-(j % half) / half);
    const partner = j < half ? -row[i + half] : row[i - half];
    return x * Math.cos(angle) + partner * Math.sin(angle);
  });
}

function attend(q: Rows, keys: Rows, values: Rows): Rows {
  const head = (row: readonly number[], h: number) => row.slice(h * headDim, (h + 1) * headDim);
  return q.map((row, pos) =>
    Array.from({ length: numHeads }, (_, h) => {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      const query = head(row, h);
      const scores = keys
        .slice(0, pos + 1)
        .map((key) => head(key, kvHead).reduce((sum, k, i) => sum + k * query[i], 0) / Math.sqrt(headDim));
      const raised = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const sum = raised.reduce((a, b) => a + b, 0);
      return query.map((_, i) =>
        raised.reduce((out, e, p) => out + (e / sum) * head(values[p], kvHead)[i], 0),
      );
    }).flat(),
  );
}
