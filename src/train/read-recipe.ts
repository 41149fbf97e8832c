// A parsed recipe file becomes a Recipe. The top keys tell whose it is: `model_name_or_path` is TRL's (SFT, DPO),
// anything else must be nanotron's (pretraining).

import { readNanotronRecipe } from './nanotron-recipe.ts';
import type { PretrainRecipe, Recipe, ScheduleRecipe, StageRecipe } from './recipe.ts';
import { RecipeSection } from './recipe-section.ts';
import { readTrlRecipe, scaleFineTune } from './trl-recipe.ts';

export interface ReadRecipe {
  readonly recipe: Recipe;
  /** Keys that are unknown or do less than their writer may expect, one text each. */
  readonly notices: readonly string[];
}

/**
 * A recipe out of what its file holds: nanotron's, TRL's, or ours (`scale:`, `evaluation:`), with notices by name.
 *
 * @param value the file as a yaml or JSON parser gave it
 * @param file  its name, for messages
 * @throws FormatError that names the key, for values that no run could use
 */
export function readRecipe(value: unknown, file: string): ReadRecipe {
  const notices: string[] = [];
  const root = new RecipeSection(value, '', file, notices);
  const scale = root.section('scale');
  const isTrl = root.has('model_name_or_path');
  const recipe = isTrl
    ? scaleFineTune(readTrlRecipe(root), scale)
    : checked(scalePretrain(readNanotronRecipe(root, file), scale), notices);
  scale.end();
  root.end();
  return { recipe, notices };
}

/**
 * The recipe on a machine of its own. With another number of steps, every other count of steps (warm-up, start
 * and length of the decay, starts of stages) keeps its share of the whole.
 */
function scalePretrain(recipe: PretrainRecipe, scale: RecipeSection): PretrainRecipe {
  const trainSteps = scale.count('train_steps', { fallback: recipe.trainSteps });
  const share = (steps: number) => Math.round((steps * trainSteps) / recipe.trainSteps);
  const { schedule, checkpoints } = recipe;
  const size = scale.count('micro_batch_size', { fallback: recipe.microBatchSize });
  const rows = scale.count('sequences_per_step', {
    fallback: recipe.microBatchSize * recipe.microBatchesPerStep,
  });
  if (rows % size !== 0) scale.fail('sequences_per_step', `a multiple of micro_batch_size ${size}`, rows);
  const learningRate = scale.number('learning_rate', { fallback: schedule.learningRate });
  const warmupSteps = scale.count('lr_warmup_steps', { fallback: share(schedule.warmupSteps), least: 0 });
  // A decay that begins where the warm-up ends goes on doing so.
  const isBehindWarmup = schedule.decayStart === schedule.warmupSteps;
  const decayStart = isBehindWarmup ? warmupSteps : share(schedule.decayStart);
  const end = Math.max(decayStart, share(schedule.decayStart + schedule.decaySteps));
  return {
    ...recipe,
    trainSteps,
    microBatchSize: size,
    microBatchesPerStep: rows / size,
    sequenceLength: scale.count('sequence_length', { fallback: recipe.sequenceLength }),
    order: scale.choice('order', ['nanotron', 'fresh'], recipe.order),
    stages: scaleStages(recipe.stages, share),
    schedule: {
      ...schedule,
      learningRate,
      warmupSteps,
      decayStart,
      decaySteps: end - decayStart,
      minLearningRate: scaledFloor(schedule, learningRate),
    },
    checkpoints: {
      ...checkpoints,
      interval: scale.count('checkpoint_interval', { fallback: Math.max(1, share(checkpoints.interval)) }),
    },
  };
}

/** What fits together only in the whole: a model is one of the windows that it is trained on, as nanotron has it. */
function checked(recipe: PretrainRecipe, notices: string[]): PretrainRecipe {
  const { model, sequenceLength, schedule } = recipe;
  if (schedule.decayStart < schedule.warmupSteps) {
    const { decayStart, warmupSteps } = schedule;
    notices.push(`lr_decay_starting_step: ${decayStart} lies within the warm-up of ${warmupSteps} steps`);
  }
  if (sequenceLength <= model.maxSeqLen) return recipe;
  notices.push(
    `max_position_embeddings: ${model.maxSeqLen} is less than sequence_length; set to ${sequenceLength}`,
  );
  return { ...recipe, model: { ...model, maxSeqLen: sequenceLength } };
}

/** The floor keeps its ratio to the learning rate: without decay (both equal) there is still none. */
function scaledFloor(schedule: ScheduleRecipe, learningRate: number): number {
  if (schedule.learningRate === 0) return schedule.minLearningRate;
  return schedule.minLearningRate * (learningRate / schedule.learningRate);
}

/** Iterations count from 1, so step s of n is s - 1 steps after the beginning. */
function scaleStages(stages: readonly StageRecipe[], share: (steps: number) => number): StageRecipe[] {
  const scaled = stages.map((stage) => ({ ...stage, startStep: share(stage.startStep - 1) + 1 }));
  // A stage that has shrunk to nothing gives way to the one that begins at the same step.
  return scaled.filter(({ startStep }, i) => scaled[i + 1]?.startStep !== startStep);
}
