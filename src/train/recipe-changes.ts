// A run that is resumed with another recipe: what has changed, key by key, and whether the steps that were taken
// would have been other steps. The future may change (learning rate, decay, number of steps: that is how a decay
// branch is cut from a stable checkpoint), the past may not.

import { type Recipe, sequencesPerStep, stageAt } from './recipe.ts';

export interface RecipeChanges {
  /** Changes that only concern steps to come, such as `schedule.decaySteps: 400 → 200`. */
  readonly allowed: readonly string[];
  /** Changes under which the steps up to the checkpoint would have had other results. */
  readonly refused: readonly string[];
}

/** Keys that may change from one step to the next. */
const FUTURE = [
  'name',
  'optimizer.',
  'schedule.',
  'checkpoints.',
  'evaluation.',
  'trainSteps',
  'maxSteps',
  'epochs',
  'learningRate',
  'decayStyle',
  'warmup',
  'microBatch',
  'tokenizer',
  'startFrom',
  'model.maxSeqLen',
  'testSplit',
  'savesEachEpoch',
  'evaluatesEachEpoch',
];

/**
 * What differs between two recipes, key by key, and whether a run may go on with the second.
 *
 * @param step steps that have been taken under `before`
 */
export function recipeChanges(before: Recipe, after: Recipe, step: number): RecipeChanges {
  const old = flatten(withoutFuture(before, step));
  const now = flatten(withoutFuture(after, step));
  const allowed: string[] = [];
  const refused: string[] = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(key) ?? 'nothing', now.get(key) ?? 'nothing'];
    if (a === b) continue;
    const isBase = key === 'startFrom' && keepsBase(after);
    // The size of an id is compared with the shards, whose lengths a checkpoint knows.
    const isFuture =
      !isBase && (key.endsWith('.tokenBytes') || FUTURE.some((start) => key.startsWith(start)));
    (isFuture ? allowed : refused).push(`${key}: ${a} → ${b}`);
  }
  // Rows of fine-tuning are counted by steps, so that other steps would leave some out, or take some twice.
  const [rows, rowsNow] = [before, after].map((one) => (one.kind === 'pretrain' ? 0 : sequencesPerStep(one)));
  if (rows !== rowsNow) refused.push(`rows of a step: ${rows} → ${rowsNow}`);
  return { allowed, refused };
}

/** DPO's reference and LoRA's frozen weights are the base model's at every step; others only begin there. */
function keepsBase(recipe: Recipe): boolean {
  return recipe.kind !== 'pretrain' && (recipe.kind === 'dpo' || recipe.lora !== undefined);
}

/** The recipe with no stage that has not begun after `step` steps; those may still change. */
function withoutFuture(recipe: Recipe, step: number): Recipe {
  if (recipe.kind !== 'pretrain') return recipe;
  return { ...recipe, stages: recipe.stages.slice(0, stageAt(recipe.stages, Math.max(step, 1)) + 1) };
}

/** `model.vocabSize` → `96`, and so on for every leaf. */
function flatten(value: unknown, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) {
    return value === undefined ? new Map() : new Map([[path, JSON.stringify(value)]]);
  }
  const leaves = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    const name = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    for (const leaf of flatten(member, name)) leaves.set(...leaf);
  }
  return leaves;
}
