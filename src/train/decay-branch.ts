// Cutting a decay from a stable checkpoint, which is what warm-up-stable-decay schedules are for: the stable phase is
// trained once, and every budget gets its own decay from a checkpoint on the way.

import type { Recipe } from './recipe.ts';

/**
 * The recipe of a run that decays from `step` on, whatever the stable phase would have done after it.
 *
 * @param decaySteps length of the decay; the recipe's own unless given
 * @throws RangeError when the recipe is none of pretraining, or has begun to decay before that step
 */
export function decayFrom(recipe: Recipe, step: number, decaySteps?: number): Recipe {
  if (recipe.kind !== 'pretrain') {
    throw new RangeError(`--decay-from: expected a recipe of pretraining, got ${recipe.kind}`);
  }
  const { schedule } = recipe;
  if (step < schedule.warmupSteps || step > schedule.decayStart) {
    const stable = `${schedule.warmupSteps} to ${schedule.decayStart}`;
    throw new RangeError(`--decay-from: expected a step of the stable phase, ${stable}, got ${step}`);
  }
  const length = decaySteps ?? schedule.decaySteps;
  return {
    ...recipe,
    trainSteps: step + length,
    schedule: { ...schedule, decayStart: step, decaySteps: length },
  };
}
