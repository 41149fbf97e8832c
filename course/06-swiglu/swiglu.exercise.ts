// SwiGLU. The gates are spread from −6 to 6: around 0 all the curves look alike.

import { ReferenceEngine } from 'smollm2/reference';
import { exercise } from '../exercise.ts';
import { randomArray } from '../random.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** The error function to float32 digits (Abramowitz and Stegun 7.1.26 is too coarse; this is its Taylor series). */
function erf(z: number): number {
  if (Math.abs(z) > 5) return Math.sign(z);
  let term = z;
  let sum = z;
  for (let n = 1; n < 120; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const gelu = (z: number) => (z / 2) * (1 + erf(z / Math.SQRT2));
const geluTanh = (z: number) => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));

export const swiglu = exercise({
  name: 'swiglu',
  chapter: 6,
  folder: '06-swiglu',
  title: 'SwiGLU: let a gate decide how much passes',
  minutes: 10,
  importance: 2,
  cases: [
    { name: 'three taps', args: [Float64Array.from([2, -1.5, 0.5]), Float64Array.from([-2, 3, 0.75])] },
    {
      name: 'gates from −6 to 6',
      args: [Float64Array.from({ length: 13 }, (_, i) => i - 6), randomArray(21, 13, 2)],
    },
    { name: 'sixteen taps', args: [randomArray(22, 16, 3), randomArray(23, 16, 2)] },
    {
      name: 'gates of −800 and 800',
      args: [Float64Array.from([-800, 800, 1]), Float64Array.from([2, -0.5, 1])],
    },
  ],
  truth: (gate: Float64Array, up: Float64Array) => {
    const out = new Float64Array(gate.length);
    new ReferenceEngine().swiglu(out, gate, up);
    return out;
  },
  variant: (has) => (gate: Float64Array, up: Float64Array) => {
    const activate = (z: number): number => {
      if (has('gelu')) return gelu(z);
      if (has('gelu-tanh')) return geluTanh(z);
      if (has('quick-gelu')) return z * sigmoid(1.702 * z);
      if (has('relu')) return Math.max(z, 0);
      if (has('sigmoid')) return sigmoid(z);
      if (has('tanh')) return Math.tanh(z);
      if (has('wrong-sign')) return z / (1 + Math.exp(z));
      if (has('minus-one')) return z / (1 - Math.exp(-z));
      if (has('overflow')) return (z * Math.exp(z)) / (1 + Math.exp(z));
      if (has('softplus')) return z > 30 ? z : Math.log(1 + Math.exp(z));
      return z * sigmoid(z);
    };
    return gate.map((z, i) => {
      const u = up[i];
      if (has('exchanged')) return activate(u) * z;
      if (has('no-activation')) return z * u;
      if (has('both-activated')) return activate(z) * activate(u);
      if (has('after-product')) return activate(z * u);
      if (has('no-up')) return activate(z);
      return has('added') ? activate(z) + u : activate(z) * u;
    });
  },
  mistakes: {
    gelu: {
      nudge: 'look at the curve: yours is GELU.',
      formula: 'yours: z · Φ(z). Meant: silu(z) = z / (1 + e^(−z)).',
      line: '- gelu(gate[i])\n+ gate[i] / (1 + Math.exp(-gate[i]))',
    },
    'gelu-tanh': {
      nudge: 'look at the curve: yours is GELU, in its tanh form.',
      formula: 'yours: z/2 · (1 + tanh(√(2/π)(z + 0.044715 z³))). Meant: z / (1 + e^(−z)).',
      line: '- geluTanh(gate[i])\n+ gate[i] / (1 + Math.exp(-gate[i]))',
    },
    'quick-gelu': {
      nudge: 'look at the curve: a factor stands in the exponent.',
      formula: 'yours: z · σ(1.702 z). Meant: z · σ(z).',
      line: '- sigmoid(1.702 * z)\n+ sigmoid(z)',
    },
    relu: {
      nudge: 'look at the curve below zero.',
      formula: 'yours: max(z, 0). Meant: z / (1 + e^(−z)), which is a little negative below zero.',
      line: '- Math.max(gate[i], 0)\n+ gate[i] / (1 + Math.exp(-gate[i]))',
    },
    sigmoid: {
      nudge: 'silu is more than the sigmoid.',
      formula: 'yours: σ(z). Meant: z · σ(z).',
      line: '- sigmoid(gate[i])\n+ gate[i] * sigmoid(gate[i])',
    },
    tanh: {
      nudge: 'look at the curve.',
      formula: 'yours: tanh(z). Meant: z / (1 + e^(−z)).',
      line: '- Math.tanh(gate[i])\n+ gate[i] / (1 + Math.exp(-gate[i]))',
    },
    softplus: {
      nudge: 'look at the curve.',
      formula: 'yours: ln(1 + e^z). Meant: z / (1 + e^(−z)).',
      line: '- Math.log(1 + Math.exp(z))\n+ z / (1 + Math.exp(-z))',
    },
    'wrong-sign': {
      nudge: 'look at the sign in the exponent.',
      formula: 'yours: z / (1 + e^z). Meant: z / (1 + e^(−z)).',
      line: '- Math.exp(gate[i])\n+ Math.exp(-gate[i])',
    },
    'minus-one': {
      nudge: 'look at the sign in the denominator.',
      formula: 'yours: z / (1 − e^(−z)). Meant: z / (1 + e^(−z)).',
      line: '- 1 - Math.exp(-z)\n+ 1 + Math.exp(-z)',
    },
    overflow: {
      nudge: 'what is e^800?',
      formula: 'yours: z · e^z / (1 + e^z), which is ∞/∞ for a large gate. Meant: z / (1 + e^(−z)).',
      line: '- (z * Math.exp(z)) / (1 + Math.exp(z))\n+ z / (1 + Math.exp(-z))',
    },
    exchanged: {
      nudge: 'which of the two is the gate?',
      formula: 'yours: silu(up) · gate. Meant: silu(gate) · up.',
      line: '- silu(up[i]) * gate[i]\n+ silu(gate[i]) * up[i]',
    },
    'no-activation': {
      nudge: 'something is missing between gate and product.',
      formula: 'yours: gate · up. Meant: silu(gate) · up.',
      line: '- gate[i] * up[i]\n+ silu(gate[i]) * up[i]',
    },
    'both-activated': {
      nudge: 'only one of the two goes through the curve.',
      formula: 'yours: silu(gate) · silu(up). Meant: silu(gate) · up.',
      line: '- silu(gate[i]) * silu(up[i])\n+ silu(gate[i]) * up[i]',
    },
    'after-product': {
      nudge: 'what goes through the curve?',
      formula: 'yours: silu(gate · up). Meant: silu(gate) · up.',
      line: '- silu(gate[i] * up[i])\n+ silu(gate[i]) * up[i]',
    },
    'no-up': {
      nudge: 'one of the arguments is not used.',
      formula: 'yours: silu(gate). Meant: silu(gate) · up.',
      line: '- silu(gate[i])\n+ silu(gate[i]) * up[i]',
    },
    added: {
      nudge: 'a product, or a sum?',
      formula: 'yours: silu(gate) + up. Meant: silu(gate) · up.',
      line: '- silu(gate[i]) + up[i]\n+ silu(gate[i]) * up[i]',
    },
  },
  why: [
    'A gate near zero closes its tap, whatever flows in the pipe; a plain layer cannot do that.',
    'Below zero silu dips to −0.28 and comes back: it has a slope everywhere, so training can move every gate.',
  ],
});
