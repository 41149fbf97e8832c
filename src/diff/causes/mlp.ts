// Causes in the MLP: which projection is which, and what stands between them.

import { exp } from '../../base/math.ts';
import { type Activation, type Gate, silu } from '../bounds.ts';
import { judge } from '../fit.ts';
import type { Suspect } from '../suspect.ts';
import { rowsFrom, type WeightSource } from '../weight-source.ts';
import type { Cause, Hypothesis } from './cause.ts';

const GATE_UP = ['mlp.gate_proj', 'mlp.up_proj'];

/** The error function to 1e-7 by its continued series; enough to tell one activation from another. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60 && Math.abs(x) < 5; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.abs(x) >= 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * sum;
}

const clamp = (x: number) => Math.max(0, Math.min(1, x));
const softplus = (z: number) => (z > 30 ? z : Math.log1p(exp(z)));

const GELUS: Record<string, Activation> = {
  'gelu (tanh)': (z) => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))),
  'gelu (erf)': (z) => (z / 2) * (1 + erf(z / Math.SQRT2)),
  'gelu (quick)': (z) => z / (1 + exp(-1.702 * z)),
};
const OTHER_ACTIVATIONS: Record<string, Activation> = {
  relu: (z) => Math.max(0, z),
  'relu²': (z) => Math.max(0, z) ** 2,
  hardswish: (z) => z * clamp((z + 3) / 6),
  mish: (z) => z * Math.tanh(softplus(z)),
  sigmoid: (z) => 1 / (1 + exp(-z)),
  hardsigmoid: (z) => clamp((z + 3) / 6),
  softplus,
  tanh: Math.tanh,
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  'leaky relu': (z) => (z > 0 ? z : 0.01 * z),
  none: (z) => z,
};

function activationHypotheses(activations: Record<string, Activation>): Hypothesis[] {
  return Object.entries(activations).map(([name, activation]) => ({
    variant: { gate: (z, u) => activation(z) * u },
    detail: `${name} instead of silu`,
  }));
}

/** Other ways to put gate and up together. */
function formulaHypotheses(): Hypothesis[] {
  const gates: [string, Gate][] = [
    ['silu(gate · up)', (z, u) => silu(z * u)],
    ['silu(gate): up is missing', (z) => silu(z)],
    ['up alone: the gate is missing', (_, u) => u],
    ['silu(up): the gate is missing', (_, u) => silu(u)],
    ['silu(gate) + up', (z, u) => silu(z) + u],
    ['silu(gate) · silu(up)', (z, u) => silu(z) * silu(u)],
    ['silu(silu(gate)) · up', (z, u) => silu(silu(z)) * u],
    ['silu(gate) · gate', (z) => silu(z) * z],
  ];
  return gates.map(([detail, gate]) => ({ variant: { gate }, detail }));
}

/** Gate and up as one matrix of twice as many rows, cut in two otherwise than in halves. */
function fusedSplit(weights: WeightSource): WeightSource {
  const half = weights.config.intermediateSize;
  return rowsFrom(weights, (name, row) => {
    if (!/mlp\.(gate|up)_proj\.weight$/.test(name)) return { name, row };
    const fused = 2 * row + (name.includes('up_proj') ? 1 : 0);
    const other = name.replace(/gate_proj|up_proj/, fused < half ? 'gate_proj' : 'up_proj');
    return { name: other, row: fused % half };
  });
}

/** Without weights: the reference's other projection is what the candidate shows. */
async function swappedInTrace({ name, part, reference, observed, estimate, weights }: Suspect) {
  if (!GATE_UP.includes(part) || weights?.shape(`${name}.weight`)) return undefined;
  const values = reference.points.get(swapped(name))?.values;
  if (values?.length !== observed.values.length) return undefined;
  const { worst } = judge(observed, { values, slack: estimate.slack });
  return { fit: worst <= 1 ? 1 : 0, leaves: worst, detail: 'each is the other' };
}

const swapped = (name: string): string =>
  name.includes('gate_proj') ? name.replace('gate_proj', 'up_proj') : name.replace('up_proj', 'gate_proj');

export const MLP_CAUSES: readonly Cause[] = [
  {
    id: 'gate-up-swapped',
    summary: 'gate and up projections swapped',
    advice: 'silu applies to gate_proj; fused files hold gate first',
    parts: [...GATE_UP, 'mlp.act'],
    hypotheses: () => [
      {
        variant: {
          applies: (part) => GATE_UP.includes(part),
          weights: (weights) => rowsFrom(weights, (name, row) => ({ name: swapped(name), row })),
        },
        detail: 'each is the other',
      },
      { variant: { gate: (z, u) => silu(u) * z }, detail: 'silu applies to up' },
    ],
    test: swappedInTrace,
  },
  {
    id: 'gate-up-interleaved',
    summary: 'a fused matrix of gate and up that is split by even and odd rows',
    advice: 'fused files hold all rows of gate, then all rows of up',
    parts: GATE_UP,
    needsWeights: true,
    hypotheses: () => [
      {
        variant: { applies: (part) => GATE_UP.includes(part), weights: fusedSplit },
        detail: 'even rows taken for gate, odd ones for up',
      },
    ],
  },
  {
    id: 'gelu-instead-of-silu',
    summary: 'GELU where the model has SiLU',
    advice: 'hidden_act is silu: z / (1 + exp(-z))',
    parts: ['mlp.act'],
    hypotheses: () => activationHypotheses(GELUS),
  },
  {
    id: 'wrong-activation',
    summary: 'another activation than SiLU',
    advice: 'hidden_act is silu: z / (1 + exp(-z))',
    parts: ['mlp.act'],
    hypotheses: () => activationHypotheses(OTHER_ACTIVATIONS),
  },
  {
    id: 'gate-formula',
    summary: 'gate and up put together in another way',
    advice: 'down_proj reads silu(gate) · up',
    parts: ['mlp.act'],
    hypotheses: formulaHypotheses,
  },
];
