// Every operation of a training step: the float64 backward against finite differences, the WASM kernels against
// float64 within a bound of float32's roundings, products bit for bit against a model of their lanes.

import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import type { ModelConfig } from '../../src/config.ts';
import type { Vector } from '../../src/ops.ts';
import { IGNORED_LABEL, type TrainingEngine } from '../../src/ops-backward.ts';
import { ReferenceTraining } from '../../src/reference/training.ts';
import { EPS32, maxAbs, maxDifference } from '../support/close.ts';
import { wasmTraining } from '../support/training.ts';

type Values = Record<string, Float64Array>;

/** An operation on named inputs: its output, and the gradient of dOut · output by each of them. */
interface Case {
  readonly name: string;
  readonly inputs: Values;
  /** Number of additions behind a result, for the bound of float32. */
  readonly length: number;
  forward(engine: TrainingEngine, x: Record<string, Vector>): Vector;
  backward(engine: TrainingEngine, x: Record<string, Vector>, dOut: Vector): Record<string, Vector>;
}

function random(length: number, seed: number, scale = 1): Float64Array {
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

function filled(engine: TrainingEngine, length: number): Vector {
  const x = engine.take(length);
  engine.clear(x);
  return x;
}

/** Odd sizes and whole tiles: [rows, inSize, outSize]. */
const SHAPES = [
  [1, 1, 1],
  [3, 5, 7],
  [66, 33, 19],
  [130, 600, 40],
  [257, 16, 48],
] as const;

const linearCases = SHAPES.map(([rows, inSize, outSize]): Case => {
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
  ([rows, size]): Case => ({
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
].map(({ heads, counts }): Case => {
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
function ropeTable(engine: TrainingEngine) {
  const table = ropeTables.get(engine) ?? engine.ropeTable(config, 16);
  ropeTables.set(engine, table);
  return table;
}

const otherCases: Case[] = [
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

const cases = [...linearCases, ...normCases, ...attendCases, ...otherCases];

function vectors(engine: TrainingEngine, inputs: Values): Record<string, Vector> {
  const made = Object.entries(inputs).map(([name, values]) => {
    const x = engine.keep(values.length);
    engine.write(x, values);
    return [name, x];
  });
  return Object.fromEntries(made);
}

/** Output and gradients of one case on one engine. */
function evaluate(
  engine: TrainingEngine,
  one: Case,
  inputs = one.inputs,
): { out: Values[string]; gradients: Values } {
  if (one.name.startsWith('rope')) ropeTable(engine);
  const x = vectors(engine, inputs);
  const numbers = Float64Array.from(engine.read(one.forward(engine, x)));
  const dOut = engine.take(numbers.length);
  engine.write(dOut, random(numbers.length, 99));
  const gradients = Object.entries(one.backward(engine, x, dOut)).map(([name, gradient]) => [
    name,
    Float64Array.from(engine.read(gradient)),
  ]);
  return { out: numbers, gradients: Object.fromEntries(gradients) };
}

describe.each(cases)('$name', (one) => {
  it('has the gradient that finite differences find in float64, within 1e-6', () => {
    const engine = new ReferenceTraining();
    const { out, gradients } = evaluate(engine, one);
    const dOut = random(out.length, 99);
    const value = (inputs: Values) => {
      const moved = evaluate(engine, one, inputs).out;
      return moved.reduce((sum, y, i) => sum + y * dOut[i], 0);
    };
    for (const [name, gradient] of Object.entries(gradients)) {
      for (const at of [0, gradient.length >> 1, gradient.length - 1]) {
        const step = 1e-5;
        const shifted = (by: number) => ({
          ...one.inputs,
          [name]: one.inputs[name].map((v, i) => (i === at ? v + by : v)),
        });
        const difference = (value(shifted(step)) - value(shifted(-step))) / (2 * step);
        const scale = Math.max(Math.abs(gradient[at]), 1e-2 * maxAbs(gradient), 1e-3);
        expect(Math.abs(gradient[at] - difference) / scale, `${name}[${at}]`).toBeLessThan(1e-6);
      }
    }
  });

  it('is the same in WASM within as many float32 roundings as it has additions', () => {
    const expected = evaluate(new ReferenceTraining(), one);
    const got = evaluate(wasmTraining(2 ** 24, 300, 128), one);
    const pairs = [['out', expected.out, got.out] as const].concat(
      Object.entries(expected.gradients).map(
        ([name, values]) => [name, values, got.gradients[name]] as never,
      ),
    );
    for (const [name, a, b] of pairs) {
      const bound = (4 + one.length) * EPS32 * Math.max(maxAbs(a), 1);
      const worst = maxDifference(b, a);
      expect(worst.difference, `${name}[${worst.index}]`).toBeLessThan(bound);
    }
  });
});

describe('crossEntropy', () => {
  const [rows, vocab, size] = [7, 45, 10];
  const inputs = { x: random(rows * size, 20), head: random(vocab * size, 21) };
  const labels = [3, 44, IGNORED_LABEL, 0, 17, 17, 9];
  const weights = labels.map((_, t) => 0.1 * (t + 1));

  function run(engine: TrainingEngine, values: Values = inputs) {
    const { x, head } = vectors(engine, values);
    const dense = { outSize: vocab, inSize: size, values: head };
    const [dX, dHead] = [engine.take(rows * size), filled(engine, vocab * size)];
    const found = engine.crossEntropyBackward(dX, dHead, x, dense, labels, weights);
    const alone = engine.crossEntropy(x, dense, labels);
    return { found, alone, x: engine.read(dX), head: engine.read(dHead) };
  }

  const value = (values: Values) =>
    run(new ReferenceTraining(), values).found.losses.reduce((sum, loss, t) => sum + loss * weights[t], 0);

  it('has the gradient that finite differences find in float64, within 1e-6', () => {
    const result = run(new ReferenceTraining());
    for (const name of ['x', 'head'] as const) {
      for (const at of [0, 13, 31]) {
        const shifted = (by: number) => ({
          ...inputs,
          [name]: inputs[name].map((v, i) => (i === at ? v + by : v)),
        });
        const difference = (value(shifted(1e-5)) - value(shifted(-1e-5))) / 2e-5;
        expect(Math.abs(result[name][at] - difference)).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(difference)),
        );
      }
    }
  });

  it('counts no row without a label, in both engines, and says the same without a gradient', () => {
    for (const engine of [new ReferenceTraining(), wasmTraining(2 ** 24, 64, 64)]) {
      const { found, alone } = run(engine);
      expect(found.losses[2]).toBe(0);
      expect([...alone.losses]).toEqual([...found.losses]);
    }
  });

  it('is the same in WASM within the roundings of float32', () => {
    const expected = run(new ReferenceTraining());
    const got = run(wasmTraining(2 ** 24, 64, 64));
    for (const name of ['x', 'head'] as const) {
      expect(maxDifference(got[name], expected[name]).difference).toBeLessThan((vocab + 4) * EPS32 * 2);
    }
    for (const name of ['losses', 'entropies'] as const) {
      expect(maxDifference(got.found[name], expected.found[name]).difference).toBeLessThan(
        (size + 8) * EPS32 * 8,
      );
    }
    expect([...got.found.hits]).toEqual([...expected.found.hits]);
  });
});

describe('the lane model of products', () => {
  const { fround } = Math;
  /** Σ over k of a(k) · b(k) in float32: blocks from zero, each added to what is there. */
  const blocked = (count: number, block: number, start: number, term: (k: number) => number): number => {
    let total = start;
    for (let begin = 0; begin < count; begin += block) {
      let sum = 0;
      for (let k = begin; k < Math.min(begin + block, count); k++) sum = fround(sum + fround(term(k)));
      total = begin === 0 && start === 0 ? sum : fround(total + sum);
    }
    return total;
  };

  it.each(SHAPES)('has the kernels’ bits: rows %i, inSize %i, outSize %i', (rows, inSize, outSize) => {
    const one = linearCases.find(({ name }) => name.includes(`[${rows}, ${inSize}] by [${outSize},`))!;
    const { x, weight, bias } = one.inputs;
    const dOut = random(rows * outSize, 99);
    const got = evaluate(wasmTraining(2 ** 24, 300, 64), one);
    for (const [t, o, i] of [
      [0, 0, 0],
      [rows - 1, outSize - 1, inSize - 1],
      [rows >> 1, outSize >> 1, inSize >> 1],
    ]) {
      const forward = blocked(inSize, 576, 0, (k) => x[t * inSize + k] * weight[o * inSize + k]);
      expect(got.out[t * outSize + o]).toBe(fround(forward + bias[o]));
      const dX = blocked(outSize, 576, 0, (k) => dOut[t * outSize + k] * weight[k * inSize + i]);
      expect(got.gradients.x[t * inSize + i]).toBe(dX);
      const dWeight = blocked(rows, 64, 0, (k) => dOut[k * outSize + o] * x[k * inSize + i]);
      expect(got.gradients.weight[o * inSize + i]).toBe(dWeight);
    }
  });
});
