import type { Learner } from './learner.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

export const right: Learner[] = [
  {
    what: 'a sigmoid that never overflows',
    solution: (gate: Float64Array, up: Float64Array) => {
      const stable = (z: number) => (z >= 0 ? sigmoid(z) : Math.exp(z) / (1 + Math.exp(z)));
      return Array.from(gate, (z, i) => z * up[i] * stable(z));
    },
  },
  {
    what: 'by tanh, float32',
    solution: (gate: Float64Array, up: Float64Array) =>
      Float32Array.from(gate, (z, i) => Math.fround(z * 0.5 * (1 + Math.tanh(z / 2))) * up[i]),
  },
];

export const wrong: Learner[] = [
  {
    what: 'gate and up exchanged',
    name: 'exchanged',
    solution: (gate: Float64Array, up: Float64Array) => up.map((z, i) => z * sigmoid(z) * gate[i]),
  },
  {
    what: 'GELU by its tanh formula',
    name: 'gelu-tanh',
    solution: (gate: Float64Array, up: Float64Array) =>
      gate.map((z, i) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))) * up[i]),
  },
  {
    what: 'the sigmoid alone, without its z',
    name: 'sigmoid',
    solution: (gate: Float64Array, up: Float64Array) => gate.map((z, i) => sigmoid(z) * up[i]),
  },
  {
    what: 'e^z for e^−z',
    name: 'wrong-sign',
    solution: (gate: Float64Array, up: Float64Array) => {
      const out = new Float64Array(gate.length);
      for (let i = 0; i < out.length; i++) out[i] = (gate[i] / (1 + Math.exp(gate[i]))) * up[i];
      return out;
    },
  },
  {
    what: 'ReLU',
    name: 'relu',
    solution: (gate: Float64Array, up: Float64Array) => gate.map((z, i) => Math.max(0, z) * up[i]),
  },
  {
    what: 'adds up in place of multiplying',
    name: 'added',
    solution: (gate: Float64Array, up: Float64Array) => gate.map((z, i) => z * sigmoid(z) + up[i]),
  },
];
