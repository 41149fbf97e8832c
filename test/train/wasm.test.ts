// The WASM engine's steps against PyTorch in float64, and its bits on any number of threads.

import { afterAll, describe, expect, it } from 'vitest';
import { nodeTrainingPlatform } from '../../src/node/train/platform.ts';
import { openTraining } from '../../src/run/training.ts';
import type { UpdateOptions } from '../../src/train/learner.ts';
import { loadParameters } from '../../src/train/load-parameters.ts';
import type { TrainingMachine } from '../../src/train/machine.ts';
import { maxAbs, maxDifference } from '../support/close.ts';
import { goldenTensors } from '../support/golden-tensors.ts';
import { goldenJson } from '../support/goldens.ts';
import { TINY_NAMES, tinyCheckpoint } from '../support/tiny-models.ts';
import { batchOf, meanWeights, sum, tinyLearner, wasmTraining } from '../support/training.ts';

const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01 };
const update = (n: number): UpdateOptions => ({ ...ADAMW, update: n, undecayed: [], maxNorm: 1 });

describe.each(TINY_NAMES)('float32 training of %s', (name) => {
  it('stays within 5e-6 of PyTorch’s losses and 1e-6 of its gradient norms over three steps', async () => {
    const { training } = goldenJson(`tiny/${name}/goldens.json`);
    const learner = await tinyLearner(name, {}, wasmTraining());
    for (const [i, step] of training.steps.entries()) {
      const batch = batchOf(training.batches[i]);
      const weights = meanWeights(batch);
      const loss = sum(learner.gradients(batch, weights).losses) * weights[0];
      expect(Math.abs(loss - step.loss)).toBeLessThan(5e-6);
      const norm = Math.sqrt(sum(learner.gradientSquares()));
      expect(Math.abs(norm / step.grad_norm_before_clip - 1)).toBeLessThan(1e-6);
      learner.update(update(i + 1), norm);
    }
  });
});

describe('float32 gradients', () => {
  it.each(['gqa', 'qwen2', 'untied'])(
    'of %s are within 1e-5 of each tensor’s maximum',
    { tags: ['slow'] },
    async (name) => {
      const learner = await tinyLearner(name, {}, wasmTraining());
      const batch = batchOf(goldenJson(`tiny/${name}/goldens.json`).training.batches[0]);
      learner.gradients(batch, meanWeights(batch));
      const expected = await goldenTensors(`tiny/${name}/grads.f64.safetensors`);
      for (const { parameter, gradient } of learner.trained) {
        const { values } = expected.get(parameter.name)!;
        const { difference } = maxDifference(learner.engine.read(gradient), values);
        expect(difference / maxAbs(values), parameter.name).toBeLessThan(1e-5);
      }
    },
  );
});

describe('a training team', () => {
  const machines: TrainingMachine[] = [];
  afterAll(() => Promise.all(machines.map((machine) => machine.close())));

  /** Three steps; losses, norms, and every parameter afterwards. */
  async function run(threads: number, recomputes: boolean) {
    const checkpoint = await tinyCheckpoint('gqa');
    const options = { threads, recomputes, maxRows: 64, maxSeqLen: 32 };
    const machine = await openTraining(checkpoint.config, options, nodeTrainingPlatform);
    machines.push(machine);
    await loadParameters(machine, checkpoint.tensors);
    await checkpoint.close();
    const numbers: number[] = [];
    const { training } = goldenJson('tiny/gqa/goldens.json');
    for (const [i, rows] of training.batches.entries()) {
      const batch = batchOf(rows);
      numbers.push(...(await machine.gradients(batch, meanWeights(batch))).losses);
      const squares = await machine.gradientSquares();
      numbers.push(...squares);
      await machine.update(update(i + 1), Math.sqrt(sum(squares)));
    }
    const parameters = machine.parameters.map(({ name }) => machine.read('values', name));
    return { numbers, parameters };
  }

  it('has the same bits with 1, 2, 3 and 4 threads, with and without layer checkpointing', {
    tags: ['slow'],
  }, async () => {
    const expected = await run(1, false);
    for (const threads of [2, 3, 4]) expect(await run(threads, threads === 3)).toEqual(expected);
  });

  it('that lost a worker fails with one error, and says that the checkpoint is whole', {
    tags: ['slow'],
  }, async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const machine = await openTraining(
      checkpoint.config,
      { threads: 2, maxRows: 64, maxSeqLen: 32 },
      nodeTrainingPlatform,
    );
    await checkpoint.close();
    const tooLong = batchOf([Array.from({ length: 100 }, () => 1)]);
    await expect(machine.gradients(tooLong, meanWeights(tooLong))).rejects.toThrow(
      /at most 64, got 99.*whole/,
    );
    await expect(machine.losses(tooLong)).rejects.toThrow(/expected a team at work/);
  });
});
