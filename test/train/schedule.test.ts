import { describe, expect, it } from 'vitest';
import type { DecayStyle, ScheduleRecipe } from '../../src/train/recipe.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import { goldenJson } from '../support/goldens.ts';

interface Golden {
  config: Record<string, number> & { lr_decay_style: DecayStyle };
  formula: [number, number][];
  torch_lambda_lr_every_step?: number[];
}

const goldens: [string, Golden][] = Object.entries(goldenJson('training/schedule-lr.json'));

function scheduleOf({ config }: Golden): ScheduleRecipe {
  return {
    learningRate: config.learning_rate,
    warmupSteps: config.lr_warmup_steps,
    warmupStyle: 'linear',
    decayStart: config.lr_decay_starting_step,
    decaySteps: config.lr_decay_steps,
    decayStyle: config.lr_decay_style,
    minLearningRate: config.min_decay_lr,
  };
}

describe.each(goldens)('learningRateAt, %s', (_, golden) => {
  it('is nanotron’s at every corner, one step later: iteration 1 runs with the rate of step 0', () => {
    for (const [s, expected] of golden.formula) {
      const got = learningRateAt(scheduleOf(golden), s + 1);
      expect(Math.abs(got - expected), `step ${s}`).toBeLessThanOrEqual(4e-16 * golden.config.learning_rate);
    }
  });

  it('is what PyTorch’s LambdaLR sets, step for step', () => {
    for (const [s, expected] of (golden.torch_lambda_lr_every_step ?? []).entries()) {
      const got = learningRateAt(scheduleOf(golden), s + 1);
      expect(Math.abs(got - expected), `step ${s}`).toBeLessThanOrEqual(4e-16 * golden.config.learning_rate);
    }
  });
});
