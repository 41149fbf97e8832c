// Operations of a training step as rows of a table: named inputs, the forward and the backward of each.

import { Rng } from '../../src/base/rng.ts';
import type { ModelConfig } from '../../src/config.ts';
import type { Vector } from '../../src/ops.ts';
import type { TrainingEngine } from '../../src/ops-backward.ts';

export type Numbers = Record<string, Float64Array>;

/** An operation on named inputs: its output, and the gradient of dOut · output by each of them. */
export interface BackwardCase {
  readonly name: string;
  readonly inputs: Numbers;
  /** Number of additions behind a result, for the bound of float32. */
  readonly length: number;
  forward(engine: TrainingEngine, x: Record<string, Vector>): Vector;
  backward(engine: TrainingEngine, x: Record<string, Vector>, dOut: Vector): Record<string, Vector>;
}

export function random(length: number, seed: number, scale = 1): Float64Array {
  const rng = Rng.fromSeed(seed);
  // Values that float32 holds, so that both engines see the same numbers.
  return Float64Array.from({ length }, () => Math.fround((2 * rng.next() - 1) * scale));
}

const NO_CACHE = { length: 0, maxSeqLen: 0 };
const sequences = (...counts: number[]) => {
  let begin = 0;
  return counts.map((count) => {
    const sequence = { begin, count, startPos: 0, cache: NO_CACHE };
    begin += count;
    return sequence;
  });
};

export function filled(engine: TrainingEngine, length: number): Vector {
  const x = engine.take(length);
  engine.clear(x);
  return x;
}

/** Odd sizes and whole tiles: [rows, inSize, outSize]. */
export const SHAPES = [
  [1, 1, 1],
  [3, 5, 7],
  [66, 33, 19],
  [130, 600, 40],
  [257, 16, 48],
] as const;

export const linearCases = SHAPES.map(([rows, inSize, outSize]): BackwardCase => {
  const dense = (values: Vector) => ({ outSize, inSize, values });
  return {
    name: `linear [${rows}, ${inSize}] by [${outSize}, ${inSize}] with bias`,
    inputs: {
      x: random(rows * inSize, 1),
      weight: random(outSize * inSize, 2),
      bias: random(outSize, 3),
    },
    length: Math.max(rows, inSize, outSize),
    forward(engine, { x, weight, bias }) {
      const out = engine.take(rows * outSize);
      engine.linear(out, x, dense(weight), bias);
      return out;
    },
    backward(engine, { x, weight }, dOut) {
      const [dX, dWeight, dBias] = [rows * inSize, outSize * inSize, outSize].map((n) => filled(engine, n));
      engine.linearBackwardInput(dX, dOut, dense(weight), false);
      engine.linearBackwardWeight(dWeight, dOut, x, dense(weight));
      engine.biasBackward(dBias, dOut);
      return { x: dX, weight: dWeight, bias: dBias };
    },
  };
});

const normCases = [
  [1, 4],
  [5, 7],
  [9, 64],
].map(
  ([rows, size]): BackwardCase => ({
    name: `rmsNorm [${rows}, ${size}]`,
    inputs: { x: random(rows * size, 4), weight: random(size, 5) },
    length: size + rows,
    forward(engine, { x, weight }) {
      const out = engine.take(rows * size);
      engine.rmsNorm(out, x, weight, 1e-5);
      return out;
    },
    backward(engine, { x, weight }, dOut) {
      const [dX, dWeight] = [filled(engine, rows * size), filled(engine, size)];
      engine.rmsNormBackward(dX, dWeight, dOut, x, weight, 1e-5, false);
      return { x: dX, weight: dWeight };
    },
  }),
);

/** Heads of 6, 8 and 32 numbers; sequences shorter and longer than a block of 64 queries. */
const attendCases = [
  { heads: { numHeads: 2, numKvHeads: 1, headDim: 6 }, counts: [1, 4] },
  { heads: { numHeads: 4, numKvHeads: 2, headDim: 8 }, counts: [17, 70] },
  { heads: { numHeads: 3, numKvHeads: 3, headDim: 32 }, counts: [65] },
].map(({ heads, counts }): BackwardCase => {
  const rows = counts.reduce((sum, n) => sum + n, 0);
  const [qSize, kvSize] = [rows * heads.numHeads * heads.headDim, rows * heads.numKvHeads * heads.headDim];
  const recordOf = (engine: TrainingEngine, { q, k, v }: Record<string, Vector>) => {
    const record = { q, k, v, out: engine.take(qSize), logSums: engine.take(rows * heads.numHeads) };
    engine.attend(record, heads, sequences(...counts));
    return record;
  };
  return {
    name: `attend, heads ${heads.numHeads}/${heads.numKvHeads} of ${heads.headDim}, sequences of ${counts}`,
    inputs: { q: random(qSize, 6, 2), k: random(kvSize, 7, 2), v: random(kvSize, 8) },
    length: 4 * rows + heads.headDim,
    forward: (engine, x) => recordOf(engine, x).out,
    backward(engine, x, dOut) {
      const [q, k, v] = [qSize, kvSize, kvSize].map((n) => engine.take(n));
      engine.attendBackward(q, k, v, dOut, recordOf(engine, x), heads, sequences(...counts));
      return { q, k, v };
    },
  };
});

const config = { headDim: 12, ropeTheta: 10_000 } as ModelConfig;
const ropeTables = new Map<TrainingEngine, ReturnType<TrainingEngine['ropeTable']>>();
export function ropeTable(engine: TrainingEngine) {
  const table = ropeTables.get(engine) ?? engine.ropeTable(config, 16);
  ropeTables.set(engine, table);
  return table;
}

const otherCases: BackwardCase[] = [
  {
    name: 'rope of 2 heads of 12, sequences of 3 and 5',
    inputs: { x: random(8 * 24, 9) },
    length: 4,
    forward(engine, { x }) {
      const table = ropeTable(engine);
      const out = engine.take(8 * 24);
      engine.copy(out, x);
      engine.rope(out, table, 2, sequences(3, 5));
      return out;
    },
    backward(engine, _, dOut) {
      const dX = engine.take(8 * 24);
      engine.copy(dX, dOut);
      engine.ropeBackward(dX, ropeTable(engine), 2, sequences(3, 5));
      return { x: dX };
    },
  },
  {
    name: 'swiglu of 1,027 values',
    inputs: { gate: random(1027, 10, 4), up: random(1027, 11) },
    length: 8,
    forward(engine, { gate, up }) {
      const out = engine.take(1027);
      engine.swiglu(out, gate, up);
      return out;
    },
    backward(engine, { gate, up }, dOut) {
      const [dGate, dUp] = [engine.take(1027), engine.take(1027)];
      engine.swigluBackward(dGate, dUp, dOut, gate, up);
      return { gate: dGate, up: dUp };
    },
  },
  {
    name: 'embed of 5 rows, one id three times',
    inputs: { table: random(4 * 18, 12) },
    length: 3,
    forward(engine, { table }) {
      const out = engine.take(5 * 18);
      engine.embed(out, { outSize: 4, inSize: 18, values: table }, [1, 3, 1, 0, 1]);
      return out;
    },
    backward(engine, { table }, dOut) {
      const dTable = filled(engine, 4 * 18);
      engine.embed(engine.take(5 * 18), { outSize: 4, inSize: 18, values: table }, [1, 3, 1, 0, 1]);
      engine.embedBackward(dTable, dOut, [1, 3, 1, 0, 1]);
      return { table: dTable };
    },
  },
];

export const backwardCases = [...linearCases, ...normCases, ...attendCases, ...otherCases];
