// The nano model whole: its gradient against differences of the loss, and a batch learned by heart.

import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { batchOf, learnerOf, meanWeights, sum, wasmTraining } from '../support/training.ts';

const nano = async () => readGguf(await fileSource('models/nano.gguf'));

/** Two rows of 12 pairs of ids. */
const rng = Rng.fromSeed(7);
const ROWS = [0, 1].map(() => Array.from({ length: 13 }, () => Math.floor(rng.next() * 2048)));

describe('the nano model', () => {
  it('has for every tensor the slope that differences of the loss find in float64, within 1e-6', async () => {
    const checkpoint = await nano();
    const learner = await learnerOf(checkpoint);
    await checkpoint.close();
    const batch = batchOf(ROWS);
    const [weight] = meanWeights(batch);
    const lossNow = () => sum(learner.losses(batch).losses) * weight;
    learner.gradients(batch, meanWeights(batch));
    for (const { parameter, gradient } of learner.trained) {
      const values = Float64Array.from(learner.engine.read(parameter.values));
      const slope = Float64Array.from(learner.engine.read(gradient));
      const norm = Math.sqrt(sum(slope.map((x) => x * x)));
      // Half of it along the gradient, so that there is a slope to measure; half of it anywhere.
      const anywhere = 1 / Math.sqrt(slope.length);
      const direction = slope.map((x) => x / norm + (rng.next() < 0.5 ? -anywhere : anywhere));
      const expected = sum(slope.map((x, i) => x * direction[i]));
      const along = (h: number) => {
        learner.engine.write(
          parameter.values,
          values.map((x, i) => x + h * direction[i]),
        );
        return lossNow();
      };
      // Central differences of two widths, joined so that the error of the third derivative falls out (Richardson).
      const h = 1e-3;
      const wide = (along(2 * h) - along(-2 * h)) / (4 * h);
      const found = (4 * ((along(h) - along(-h)) / (2 * h)) - wide) / 3;
      learner.engine.write(parameter.values, values);
      expect(Math.abs(found / expected - 1), parameter.name).toBeLessThan(1e-6);
    }
    await checkpoint.close();
  });

  it('learns one batch by heart: a loss below 0.01', async () => {
    const checkpoint = await nano();
    const memory = new WebAssembly.Memory({ initial: 700, maximum: 700 });
    const learner = await learnerOf(checkpoint, { maxSeqLen: 32 }, wasmTraining({ memory, maxRows: 64 }));
    await checkpoint.close();
    const batch = batchOf(ROWS);
    const [weight] = meanWeights(batch);
    const adamw = { learningRate: 3e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, undecayed: [] };
    let loss = Number.POSITIVE_INFINITY;
    let update = 0;
    while (loss >= 0.01 && update < 100) {
      loss = sum(learner.gradients(batch, meanWeights(batch)).losses) * weight;
      learner.update({ ...adamw, update: ++update, maxNorm: 1 }, Math.sqrt(sum(learner.gradientSquares())));
    }
    expect(loss).toBeLessThan(0.01);
    expect(update).toBeGreaterThan(10);
    await checkpoint.close();
  });
});
