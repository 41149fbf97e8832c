// Every operation of a training step: the float64 backward against finite differences, the WASM kernels against
// float64 within a bound of float32's roundings, products bit for bit against a model of their lanes.

import { describe, expect, it } from 'vitest';
import type { Vector } from '../../src/ops.ts';
import { IGNORED_LABEL, type TrainingEngine } from '../../src/ops-backward.ts';
import { ReferenceTraining } from '../../src/reference/training.ts';
import { EPS32, maxAbs, maxDifference } from '../support/close.ts';
import { wasmTraining } from '../support/training.ts';
import {
  type BackwardCase,
  backwardCases,
  filled,
  linearCases,
  type Numbers,
  random,
  ropeTable,
  SHAPES,
} from './backward-cases.ts';

function vectors(engine: TrainingEngine, inputs: Numbers): Record<string, Vector> {
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
  one: BackwardCase,
  inputs = one.inputs,
): { out: Float64Array; gradients: Numbers } {
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

describe.each(backwardCases)('$name', (one) => {
  it('has the gradient that finite differences find in float64, within 1e-6', { tags: ['slow'] }, () => {
    const engine = new ReferenceTraining();
    const { out, gradients } = evaluate(engine, one);
    const dOut = random(out.length, 99);
    const value = (inputs: Numbers) => {
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
    const got = evaluate(wasmTraining({ maxRows: 300, maxSeqLen: 128 }), one);
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

  it('has the same bits by the tile for vectors of 256 bits', { tags: ['slow'] }, () => {
    const wide = evaluate(wasmTraining({ maxRows: 300, maxSeqLen: 128, isWide: true }), one);
    expect(wide).toEqual(evaluate(wasmTraining({ maxRows: 300, maxSeqLen: 128 }), one));
  });
});

describe('crossEntropy', () => {
  const [rows, vocab, size] = [7, 45, 10];
  const inputs = { x: random(rows * size, 20), head: random(vocab * size, 21) };
  const labels = [3, 44, IGNORED_LABEL, 0, 17, 17, 9];
  const weights = labels.map((_, t) => 0.1 * (t + 1));

  function run(engine: TrainingEngine, values: Numbers = inputs) {
    const { x, head } = vectors(engine, values);
    const dense = { outSize: vocab, inSize: size, values: head };
    const [dX, dHead] = [engine.take(rows * size), filled(engine, vocab * size)];
    const found = engine.crossEntropyBackward(dX, dHead, x, dense, labels, weights);
    const alone = engine.crossEntropy(x, dense, labels);
    return { found, alone, x: engine.read(dX), head: engine.read(dHead) };
  }

  const value = (values: Numbers) =>
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
    for (const engine of [new ReferenceTraining(), wasmTraining({ maxRows: 64, maxSeqLen: 64 })]) {
      const { found, alone } = run(engine);
      expect(found.losses[2]).toBe(0);
      expect([...alone.losses]).toEqual([...found.losses]);
    }
  });

  it('is the same in WASM within the roundings of float32', () => {
    const expected = run(new ReferenceTraining());
    const got = run(wasmTraining({ maxRows: 64, maxSeqLen: 64 }));
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
    const got = evaluate(wasmTraining({ maxRows: 300, maxSeqLen: 64 }), one);
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
