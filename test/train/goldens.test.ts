// Losses, gradients and AdamW steps of the tiny models against PyTorch in float64.

import { describe, expect, it } from 'vitest';
import type { Learner } from '../../src/train/learner.ts';
import { pairLoss } from '../../src/train/preference.ts';
import { expectClose, maxAbs } from '../support/close.ts';
import { goldenTensors } from '../support/golden-tensors.ts';
import { goldenJson } from '../support/goldens.ts';
import { TINY_NAMES } from '../support/tiny-models.ts';
import { batchOf, completions, meanWeights, sum, tinyLearner } from '../support/training.ts';

/** PyTorch and this sum in other orders: a few hundred roundings of 2^-53 each. */
const RELATIVE = 1e-11;

async function expectGradients(learner: Learner, golden: string): Promise<void> {
  const expected = await goldenTensors(golden);
  expect(learner.trained.map(({ parameter }) => parameter.name).sort()).toEqual([...expected.keys()].sort());
  for (const { parameter, gradient } of learner.trained) {
    const { values } = expected.get(parameter.name)!;
    const tolerance = RELATIVE * Math.max(maxAbs(values), 1e-3);
    expectClose(learner.engine.read(gradient), values, tolerance, parameter.name);
  }
}

function lossOf(learner: Learner, batch: ReturnType<typeof batchOf>): number {
  const weights = meanWeights(batch);
  return sum(learner.gradients(batch, weights).losses) * weights[0];
}

describe.each(TINY_NAMES)('a step of training, %s', (name) => {
  const { training } = goldenJson(`tiny/${name}/goldens.json`);

  it('has PyTorch’s losses and gradient norms over three AdamW steps', { tags: ['slow'] }, async () => {
    const learner = await tinyLearner(name);
    for (const [i, step] of training.steps.entries()) {
      expect(lossOf(learner, batchOf(training.batches[i]))).toBeCloseTo(step.loss, 9);
      const norm = Math.sqrt(sum(learner.gradientSquares()));
      expect(Math.abs(norm / step.grad_norm_before_clip - 1)).toBeLessThan(1e-9);
      const { lr, eps, weight_decay, betas } = training.optimizer;
      const numbers = { learningRate: lr, beta1: betas[0], beta2: betas[1], eps, weightDecay: weight_decay };
      learner.update({ ...numbers, update: i + 1, undecayed: [], maxNorm: 1 }, norm);
    }
    const after = sum(learner.losses(batchOf(training.batches[0])).losses);
    const count = batchOf(training.batches[0]).ids.length;
    expect(after / count).toBeCloseTo(training.loss_of_batch0_after_3_steps, 9);
  });

  it('gives the same gradients, bit for bit, when layers are computed again', {
    tags: ['slow'],
  }, async () => {
    const [kept, again] = await Promise.all([tinyLearner(name), tinyLearner(name, { recomputes: true })]);
    const batch = batchOf(training.batches[0]);
    for (const learner of [kept, again]) learner.gradients(batch, meanWeights(batch));
    for (const [i, { gradient, parameter }] of kept.trained.entries()) {
      expect(again.engine.read(again.trained[i].gradient), parameter.name).toEqual(
        kept.engine.read(gradient),
      );
    }
  });
});

describe('gradients', () => {
  it.each(['gqa', 'qwen2', 'untied'])('are PyTorch’s for every parameter of %s', async (name) => {
    const learner = await tinyLearner(name);
    lossOf(learner, batchOf(goldenJson(`tiny/${name}/goldens.json`).training.batches[0]));
    await expectGradients(learner, `tiny/${name}/grads.f64.safetensors`);
  });

  it('of completions only are those of the SFT golden', async () => {
    const learner = await tinyLearner('gqa');
    const { sft } = goldenJson('tiny/gqa/goldens.json');
    expect(lossOf(learner, completions(sft.examples))).toBeCloseTo(sft.loss, 10);
    await expectGradients(learner, 'tiny/gqa/sft_grads.f64.safetensors');
  });

  it('of preferences are those of the DPO golden', { tags: ['slow'] }, async () => {
    const learner = await tinyLearner('gqa');
    const { dpo } = goldenJson('tiny/gqa/goldens.json');
    const answers = ['chosen', 'rejected'] as const;
    let loss = 0;
    for (const pair of dpo.pairs) {
      const batches = answers.map((side) => completions([{ prompt: pair.prompt, completion: pair[side] }]));
      const [chosen, rejected] = batches.map((batch) => -sum(learner.losses(batch).losses));
      const reference = { chosen: pair.reference_chosen_logp, rejected: pair.reference_rejected_logp };
      const found = pairLoss({ chosen, rejected }, reference, dpo.beta);
      expect(found.loss).toBeCloseTo(pair.loss, 10);
      expect(found.chosenReward).toBeCloseTo(pair.chosen_reward, 10);
      loss += found.loss / dpo.pairs.length;
      for (const [i, batch] of batches.entries()) {
        // A log-probability is the opposite of a loss.
        const weight = ((i === 0 ? -1 : 1) * found.dChosen) / dpo.pairs.length;
        learner.gradients(
          batch,
          batch.labels.map(() => weight),
        );
      }
    }
    expect(loss).toBeCloseTo(dpo.loss, 10);
    await expectGradients(learner, 'tiny/gqa/dpo_grads.f64.safetensors');
  });

  it('after three steps have moved the parameters of gqa to PyTorch’s', async () => {
    const learner = await tinyLearner('gqa');
    const { training } = goldenJson('tiny/gqa/goldens.json');
    for (const [i, rows] of training.batches.entries()) {
      lossOf(learner, batchOf(rows));
      const numbers = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01 };
      const norm = Math.sqrt(sum(learner.gradientSquares()));
      learner.update({ ...numbers, update: i + 1, undecayed: [], maxNorm: 1 }, norm);
    }
    const expected = await goldenTensors('tiny/gqa/params_after_3_steps.f64.safetensors');
    for (const [name, { values }] of learner.parameters) {
      expectClose(learner.engine.read(values), expected.get(name)!.values, 1e-9, name);
    }
  });
});
