// The faults that `diff` must name, each as a switch of the faulty engine or a change of its weights.

import type { ModelConfig } from '../../src/config.ts';
import type { Weights } from '../../src/model/weights.ts';
import { type ReferenceMatrix, readRow } from '../../src/reference/matrix.ts';
import type { Faults } from './faulty-engine.ts';

export interface PlantedFault {
  readonly name: string;
  /** The id that `diff` must give. */
  readonly cause: string;
  readonly faults: Faults;
  /** What the detail of the cause must say: solved constants. */
  readonly detail?: string;
}

const geluTanh = (z: number) => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));

/** A dense float32 matrix. */
export function denseMatrix(
  outSize: number,
  inSize: number,
  at: (o: number, i: number) => number,
): ReferenceMatrix {
  const values = Float32Array.from({ length: outSize * inSize }, (_, n) =>
    at(Math.floor(n / inSize), n % inSize),
  );
  return { dtype: 'F32', outSize, inSize, bytes: new Uint8Array(values.buffer) };
}

/** Every row of a matrix of the reference engine, in arrays of their own. */
export function rowsOf(matrix: unknown): Float64Array[] {
  const source = matrix as ReferenceMatrix;
  return Array.from({ length: source.outSize }, (_, o) => {
    const row = new Float64Array(source.inSize);
    readRow(row, source, o);
    return row;
  });
}

/** Weights with one layer changed. */
export function withLayer(
  weights: Weights,
  layer: number,
  change: (layer: Weights['layers'][number]) => Weights['layers'][number],
): Weights {
  return { ...weights, layers: weights.layers.map((w, l) => (l === layer ? change(w) : w)) };
}

const swapGateAndUp = (weights: Weights): Weights => ({
  ...weights,
  layers: weights.layers.map((w) => ({
    ...w,
    gateUp: { gateProj: w.gateUp.upProj, upProj: w.gateUp.gateProj },
  })),
});

/** A head of its own: other numbers of the same size. */
export const untieHead = (weights: Weights, { vocabSize, hiddenSize }: ModelConfig): Weights => ({
  ...weights,
  lmHead: denseMatrix(vocabSize, hiddenSize, (o, i) => Math.sin(o * 12.9898 + i * 78.233) * 0.2),
});

/** Every fault of the list; `theta` is what rope_theta is set to, unlike the model's own. */
export const PLANTED: readonly PlantedFault[] = [
  { name: 'neighbours rotate', cause: 'rope-interleaved', faults: { interleavedRope: true } },
  { name: 'theta 50000', cause: 'rope-theta', faults: { ropeTheta: 50_000 }, detail: 'theta 50000,' },
  {
    name: 'theta 12345.678',
    cause: 'rope-theta',
    faults: { ropeTheta: 12_345.678 },
    detail: 'theta 12345.7,',
  },
  { name: 'positions from 1', cause: 'position-offset', faults: { positionOffset: 1 } },
  { name: 'no rotation', cause: 'rope-missing', faults: { withoutRope: true } },
  { name: 'no 1/√d', cause: 'attention-scale', faults: { attentionScale: 1 }, detail: 'no scale' },
  {
    name: 'scale 0.2',
    cause: 'attention-scale',
    faults: { attentionScale: 0.2 },
    detail: 'scale 0.200000',
  },
  { name: 'kv heads tiled', cause: 'kv-head-order', faults: { tiledHeads: true } },
  { name: 'no mask', cause: 'attention-mask', faults: { mask: () => true }, detail: 'no mask' },
  { name: 'self hidden', cause: 'attention-mask', faults: { mask: (t, p) => p < t || t + p === 0 } },
  {
    name: 'window of 3',
    cause: 'attention-mask',
    faults: { mask: (t, p) => p <= t && p > t - 3 },
    detail: 'window of 3',
  },
  { name: 'eps 1e-3', cause: 'rmsnorm-eps', faults: { eps: 1e-3 }, detail: 'eps 0.001,' },
  { name: 'eps 3.3e-4', cause: 'rmsnorm-eps', faults: { eps: 3.3e-4 }, detail: 'eps 0.00033,' },
  {
    name: 'eps outside the root',
    cause: 'rmsnorm-eps-outside-root',
    faults: { epsOutside: true },
  },
  { name: 'mean taken away', cause: 'layernorm', faults: { centredNorm: true } },
  { name: 'gate and up swapped', cause: 'gate-up-swapped', faults: { weights: swapGateAndUp } },
  { name: 'gelu', cause: 'gelu-instead-of-silu', faults: { activation: geluTanh } },
  { name: 'relu', cause: 'wrong-activation', faults: { activation: (z) => Math.max(0, z) }, detail: 'relu' },
  { name: '8-bit activations', cause: 'activations-int8', faults: { int8: true } },
];
