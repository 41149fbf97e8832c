// The learning rate of every step: nanotron's rule, of which warm-up-stable-decay (WSD), cosine and HF's linear
// schedules are cases. Own cosine and root, so that every machine trains with the same numbers.

import { sinCos } from '../base/math.ts';
import type { ScheduleRecipe } from './recipe.ts';

/**
 * The learning rate of iteration `step`, counted from 1; the schedule is evaluated at step - 1, as PyTorch's LambdaLR
 * does (nanotron `lr_scheduler_builder`), so the first step of a warm-up has learning rate 0.
 *
 *     s ≤ warmupSteps                 learningRate · s / warmupSteps
 *     s ≤ decayStart                  learningRate
 *     s ≤ decayStart + decaySteps     down to minLearningRate, along decayStyle
 *     later                           minLearningRate
 */
export function learningRateAt(schedule: ScheduleRecipe, step: number): number {
  const { learningRate, warmupSteps, warmupStyle, decayStart, decaySteps, minLearningRate } = schedule;
  const s = step - 1;
  if (s <= warmupSteps && warmupSteps > 0) {
    return warmupStyle === 'constant' ? learningRate : (learningRate * s) / warmupSteps;
  }
  if (s < decayStart) return learningRate;
  if (s < decayStart + decaySteps) {
    const progress = (s - decayStart) / decaySteps;
    return minLearningRate + (learningRate - minLearningRate) * remaining(schedule, progress);
  }
  return minLearningRate;
}

/** How much of the decay is left after a share `progress` of it: from 1 down to 0. */
function remaining({ decayStyle }: ScheduleRecipe, progress: number): number {
  switch (decayStyle) {
    case 'linear':
      return 1 - progress;
    case 'cosine':
      return (1 + sinCos(Math.PI * progress).cos) / 2;
    case '1-sqrt':
      return 1 - Math.sqrt(progress);
  }
}
