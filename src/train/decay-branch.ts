// Cutting a decay from a stable checkpoint, which is what warm-up-stable-decay schedules are for: the stable phase is
// trained once, and every budget gets its own decay from a checkpoint on the way.

import type { PretrainRecipe, Recipe } from './recipe.ts';

/**
 * The recipe of a run that decays from `step` on, whatever the stable phase would have done after it.
 *
 * @param decaySteps length of the decay; the recipe's own unless given
 * @throws RangeError when the recipe is none of pretraining, has begun to decay before that step, or says neither how
 *                    far nor how long to decay
 */
export function decayFrom(recipe: Recipe, step: number, decaySteps?: number): PretrainRecipe {
  if (recipe.kind !== 'pretrain') {
    throw new RangeError(`--decay-from: expected a recipe of pretraining, got ${recipe.kind}`);
  }
  const { schedule } = recipe;
  if (step < schedule.warmupSteps || step > schedule.decayStart) {
    const stable = `${schedule.warmupSteps} to ${schedule.decayStart}`;
    throw new RangeError(`--decay-from: expected a step of the stable phase, ${stable}, got ${step}`);
  }
  const length = decaySteps ?? schedule.decaySteps;
  if (length === 0)
    throw new RangeError('--decay-steps: expected steps of the decay, got none in the recipe either');
  if (schedule.minLearningRate >= schedule.learningRate) {
    const { minLearningRate, learningRate } = schedule;
    throw new RangeError(
      `min_decay_lr: expected less than the learning rate of ${learningRate} to decay to, got ${minLearningRate}`,
    );
  }
  return {
    ...recipe,
    trainSteps: step + length,
    schedule: { ...schedule, decayStart: step, decaySteps: length },
  };
}
