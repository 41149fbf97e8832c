// What the referee's bench plants: single faults, each with the names that are right for it, and pairs of them.

import type { ModelConfig } from '../src/config.ts';
import { roundTo } from '../src/diff/precision.ts';
import type { Weights } from '../src/model/weights.ts';
import type { Faults } from '../test/support/faulty-engine.ts';
import { weightFaults } from './referee-weight-faults.ts';

export interface Plant {
  readonly name: string;
  /** Ids of causes that name it rightly; for a pair, one list for each. */
  readonly causes: readonly (readonly string[])[];
  readonly faults: Faults;
}

/** Where two names say the same, they stand with a bar between. */
type Single = readonly [name: string, causes: string, faults: Faults];

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
const silu = (z: number) => z * sigmoid(z);
const geluByTanh = (z: number) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
const clamp = (x: number) => Math.max(0, Math.min(1, x));

const rmsHeads = (x: Float64Array, size: number): Float64Array => {
  const out = x.slice();
  for (let head = 0; head < x.length; head += size) {
    const own = x.subarray(head, head + size);
    const scale = 1 / Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / size + 1e-5);
    for (let i = 0; i < size; i++) out[head + i] = own[i] * scale;
  }
  return out;
};

const splitOtherWay = (x: Float64Array, numHeads: number, headDim: number): Float64Array => {
  const size = numHeads * headDim;
  return x.map((_, i) => {
    const [h, d] = [Math.floor((i % size) / headDim), i % headDim];
    return x[i - (i % size) + d * numHeads + h];
  });
};

const layersOf = (change: (layers: Weights['layers']) => Weights['layers']) => (weights: Weights) => ({
  ...weights,
  layers: change(weights.layers),
});

const int8Rows = (x: Float64Array, size: number): Float64Array => {
  const out = x.slice();
  for (let begin = 0; begin < x.length; begin += size) {
    const largest = x.subarray(begin, begin + size).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const scale = Math.fround(largest / 127);
    for (let i = begin; i < begin + size; i++)
      out[i] = largest ? scale * Math.round((127 * x[i]) / largest) : 0;
  }
  return out;
};

function softmaxRows(x: Float64Array, size: number): Float64Array {
  const out = x.map(Math.exp);
  for (let begin = 0; begin < x.length; begin += size) {
    const sum = out.subarray(begin, begin + size).reduce((total, value) => total + value, 0);
    for (let i = begin; i < begin + size; i++) out[i] /= sum;
  }
  return out;
}

const ROPE: Single[] = [
  ['neighbours rotate', 'rope-interleaved', { interleavedRope: true }],
  ['theta 50000', 'rope-theta', { ropeTheta: 50_000 }],
  ['theta 130000', 'rope-theta', { ropeTheta: 130_000 }],
  ['theta 12345.678', 'rope-theta', { ropeTheta: 12_345.678 }],
  ['theta 500000', 'rope-theta', { ropeTheta: 500_000 }],
  ['no rotation', 'rope-missing', { withoutRope: true }],
  ['keys not rotated', 'rope-missing', { unrotated: 'k' }],
  ['queries not rotated', 'rope-missing', { unrotated: 'q' }],
  ['the other way round', 'rope-reversed', { turned: (cos, sin) => [cos, -sin] }],
  // To attention, which sees differences of angles only, these two are the same.
  ['sine and cosine exchanged', 'rope-sin-cos-swapped|rope-reversed', { turned: (cos, sin) => [sin, cos] }],
  ['positions start again', 'position-offset', { positionOf: (pos) => (pos < 6 ? pos : pos - 6) }],
  ['positions stand still', 'position-offset', { positionOf: (pos) => Math.min(pos, 7) }],
  ['positions +1 in decode', 'position-offset', { positionOf: (pos) => (pos < 6 ? pos : pos + 1) }],
  ['positions times two', 'rope-scaling|position-offset', { positionOf: (pos) => 2 * pos }],
  ['linear scaling by 4', 'rope-scaling', { frequencies: (plain) => plain.map((f) => f / 4) }],
  ['half of each head rotates', 'rope-partial', { rotaryDim: -2 }],
  [
    'tables in f16',
    'rope-frequency-rounding',
    { turned: (cos, sin) => [roundTo('f16', cos), roundTo('f16', sin)] },
  ],
  [
    'tables in bf16',
    'rope-frequency-rounding',
    { turned: (cos, sin) => [roundTo('bf16', cos), roundTo('bf16', sin)] },
  ],
  [
    'inv_freq in bf16',
    'rope-frequency-rounding',
    { frequencies: (plain) => plain.map((f) => roundTo('bf16', f)) },
  ],
];

const NORM: Single[] = [
  ['eps 1e-3', 'rmsnorm-eps', { eps: 1e-3 }],
  ['eps 3.3e-4', 'rmsnorm-eps', { eps: 3.3e-4 }],
  ['eps 1e-2', 'rmsnorm-eps', { eps: 1e-2 }],
  ['eps outside the root', 'rmsnorm-eps-outside-root', { epsOutside: true }],
  ['eps 1e-3 in the final norm', 'rmsnorm-eps', { eps: 1e-3, normScope: 'final' }],
  ['mean taken away', 'layernorm', { centredNorm: true }],
  ['mean taken away in the final norm', 'layernorm', { centredNorm: true, normScope: 'final' }],
  ['1 + weight', 'norm-weight-plus-one', { normPlusOne: true }],
  ['no weight', 'norm-weight-missing', { withoutNormWeight: true }],
  ['no weight in the final norm', 'norm-weight-missing', { withoutNormWeight: true, normScope: 'final' }],
  ['sum of squares', 'rmsnorm-mean', { normDivisor: 1 }],
  ['mean of absolute values', 'rmsnorm-mean', { normAbsolute: true }],
  ['final norm missing', 'norm-count', { normTimes: 0, normScope: 'final' }],
  ['final norm twice', 'norm-count', { normTimes: 2, normScope: 'final' }],
  ['attention without its residual', 'residual-missing', { dropsResidual: 'attention' }],
  ['MLP without its residual', 'residual-missing', { dropsResidual: 'mlp' }],
];

const ATTENTION: Single[] = [
  ['no scale', 'attention-scale', { attentionScale: 1 }],
  ['scale 0.2', 'attention-scale', { attentionScale: 0.2 }],
  ['scale 0.0731', 'attention-scale', { attentionScale: 0.0731 }],
  ['kv heads tiled', 'kv-head-order', { tiledHeads: true }],
  ['kv heads one late', 'kv-head-order', { kvHead: (h) => Math.floor((h + 1) / 2) % 2 }],
  ['kv head 0 for all', 'kv-head-order', { kvHead: () => 0 }],
  ['no mask', 'attention-mask', { mask: () => true }],
  ['self hidden', 'attention-mask', { mask: (t, p) => p < t || t + p === 0 }],
  ['window of 3', 'attention-mask', { mask: (t, p) => p <= t && p > t - 3 }],
  ['window of 7', 'attention-mask', { mask: (t, p) => p <= t && p > t - 7 }],
  ['sees the next', 'attention-mask', { mask: (t, p) => p <= t + 1 }],
  ['mask of -10', 'attention-mask', { scored: (score, t, p) => (p <= t ? score : score - 10) }],
  ['mask times scores', 'attention-mask', { scored: (score, t, p) => (p <= t ? score : 0) }],
  ['mask after softmax', 'attention-mask', { maskedAfter: true }],
  ['softmax plus one', 'attention-softmax', { plusOne: true }],
  ['softmax over queries', 'attention-softmax-axis', { overQueries: true }],
  [
    'scores capped at 50',
    'attention-softmax',
    { scored: (s, t, p) => (p <= t ? 50 * Math.tanh(s / 50) : -Infinity) },
  ],
  ['cache of another layer', 'cache-layer', { kvLayer: () => 0 }],
  ['8-bit cache', 'kv-cache-rounding', { cached: (x, headDim) => int8Rows(x, headDim) }],
  ['bf16 cache', 'kv-cache-rounding', { cached: (x) => x.map((value) => roundTo('bf16', value)) }],
  ['f16 cache', 'kv-cache-rounding', { cached: (x) => x.map((value) => roundTo('f16', value)) }],
  ['dead head', 'dead-heads', { deadHead: 2, deadHeadLayer: 1 }],
  [
    'heads not transposed back',
    'heads-layout',
    {
      attended: (x, numRows, numHeads) => {
        const headDim = x.length / numRows / numHeads;
        return x.map((_, i) => {
          const [h, rest] = [Math.floor(i / (numRows * headDim)), i % (numRows * headDim)];
          return x[(Math.floor(rest / headDim) * numHeads + h) * headDim + (rest % headDim)];
        });
      },
    },
  ],
];

const MLP: Single[] = [
  ['gelu', 'gelu-instead-of-silu', { gate: (z, u) => z * sigmoid(1.702 * z) * u }],
  ['gelu by tanh', 'gelu-instead-of-silu', { activation: geluByTanh }],
  ['silu of silu', 'gate-formula', { gate: (z, u) => silu(silu(z)) * u }],
  ['relu', 'wrong-activation', { activation: (z) => Math.max(0, z) }],
  ['relu²', 'wrong-activation', { activation: (z) => Math.max(0, z) ** 2 }],
  ['hardswish', 'wrong-activation', { activation: (z) => z * clamp((z + 3) / 6) }],
  ['mish', 'wrong-activation', { activation: (z) => z * Math.tanh(Math.log1p(Math.exp(z))) }],
  ['sigmoid', 'wrong-activation', { activation: sigmoid }],
  ['silu(gate · up)', 'gate-formula', { gate: (z, u) => silu(z * u) }],
  ['up missing', 'gate-formula', { gate: (z) => silu(z) }],
  ['gate missing', 'gate-formula', { gate: (_, u) => u }],
  ['silu on up', 'gate-up-swapped', { gate: (z, u) => silu(u) * z }],
];

const OUTPUT: Single[] = [
  ['logits capped at 30', 'soft-cap', { logits: (x) => x.map((value) => 30 * Math.tanh(value / 30)) }],
  ['probabilities for logits', 'logits-softmax', { logits: softmaxRows }],
  ['logits over 0.7', 'scaled-output', { logits: (x) => x.map((value) => value / 0.7) }],
  ['embedding row + 1', 'embedding-row', { ids: (ids) => ids.map((id) => Math.min(id + 1, 95)) }],
  ['layers exchanged', 'layers-exchanged', { weights: layersOf(([a, b, ...rest]) => [b, a, ...rest]) }],
  ['8-bit activations', 'activations-int8', { int8: true }],
  ['TF32', 'tf32', { linearInput: (x) => x.map(tf32) }],
  [
    'last inputs left out',
    'short-sum',
    { linearInput: (x, size) => x.map((v, i) => (i % size < size - 3 ? v : 0)) },
  ],
];

function tf32(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.round(value / step) * step;
}

type Sizes = Pick<ModelConfig, 'headDim' | 'hiddenSize'>;

/** What depends on the model's sizes. */
const sizedFaults = ({ headDim, hiddenSize }: Sizes): Single[] => [
  ['query and key norms', 'qk-norm', { heads: (x, which) => (which === 'v' ? x : rmsHeads(x, headDim)) }],
  [
    'heads split as (headDim, heads)',
    'heads-layout',
    { heads: (x, which, numHeads) => (which === 'v' ? x : splitOtherWay(x, numHeads, headDim)) },
  ],
  [
    'embedding times √hidden',
    'scaled-output',
    { embedded: (x) => x.map((value) => value * Math.sqrt(hiddenSize)) },
  ],
];

/** Every single fault, for a model of these sizes. */
export function singles(sizes: Sizes): Plant[] {
  const all = [
    ...ROPE,
    ...NORM,
    ...ATTENTION,
    ...sizedFaults(sizes),
    ...MLP,
    ...OUTPUT,
    ...weightFaults(sizes.headDim),
  ];
  return all.map(([name, causes, faults]) => ({
    name,
    causes: [causes.split('|')],
    faults: faults.rotaryDim === undefined ? faults : { ...faults, rotaryDim: sizes.headDim / 2 },
  }));
}

/** Faults of different modules, two at a time: every one with the next few of another family. */
export function pairs(sizes: Sizes): Plant[] {
  const all = singles(sizes);
  const of = (family: readonly Single[]) => family.map(([name]) => all.find((plant) => plant.name === name));
  const families = [of(ROPE), of(NORM), of(ATTENTION), of(MLP)].map((family) =>
    family.filter((one) => one !== undefined),
  );
  const out: Plant[] = [];
  for (const [f, family] of families.entries()) {
    const others = families[(f + 1) % families.length];
    for (const [n, first] of family.entries()) {
      const second = others[(n * 3 + 1) % others.length];
      out.push({
        name: `${first.name} + ${second.name}`,
        causes: [...first.causes, ...second.causes],
        faults: { ...first.faults, ...second.faults },
      });
    }
  }
  return out;
}
