import { describe, expect, it } from 'vitest';
import type { PretrainRecipe, SftRecipe } from '../../src/train/recipe.ts';
import { recipeChanges } from '../../src/train/recipe-changes.ts';

const before = {
  kind: 'pretrain',
  name: 'a',
  seed: 5,
  model: { vocabSize: 96, hiddenSize: 32 },
  schedule: { learningRate: 3e-3, decayStart: 800 },
  trainSteps: 1000,
  sequenceLength: 32,
  stages: [
    { name: 'stable', startStep: 1, mixture: [{ folder: 'a', weight: undefined }], seed: 8 },
    { name: 'decay', startStep: 801, mixture: [{ folder: 'b', weight: undefined }], seed: 8 },
  ],
} as unknown as PretrainRecipe;

describe('a run that is resumed with another recipe', () => {
  it('finds nothing in the same one, read back from JSON', () => {
    const same = JSON.parse(JSON.stringify(before));
    expect(recipeChanges(before, same, 500)).toEqual({ allowed: [], refused: [] });
  });

  it('may say what its shards say too, and know longer windows', () => {
    const mixture = [{ folder: 'a', weight: undefined, tokenBytes: 2 }];
    const model = { ...before.model, maxSeqLen: 64 };
    const after = { ...before, model, stages: [{ ...before.stages[0], mixture }, before.stages[1]] };
    expect(recipeChanges(before, after as unknown as PretrainRecipe, 500).refused).toEqual([]);
  });

  it('may change what is to come', () => {
    const after = { ...before, trainSteps: 900, schedule: { ...before.schedule, decayStart: 700 } };
    expect(recipeChanges(before, after, 500)).toEqual({
      allowed: ['schedule.decayStart: 800 → 700', 'trainSteps: 1000 → 900'],
      refused: [],
    });
  });

  it('may cut the rows of a step of tuning otherwise, and not take others', () => {
    const tuning = { kind: 'sft', microBatchSize: 8, microBatchesPerStep: 1 } as SftRecipe;
    expect(
      recipeChanges(tuning, { ...tuning, microBatchSize: 4, microBatchesPerStep: 2 }, 3).refused,
    ).toEqual([]);
    expect(recipeChanges(tuning, { ...tuning, microBatchSize: 4 }, 3).refused).toEqual([
      'rows of a step: 8 → 4',
    ]);
  });

  it('may name its first weights otherwise, unless they are at every step those of a reference or frozen', () => {
    const sft = { kind: 'sft', startFrom: 'a', microBatchSize: 8, microBatchesPerStep: 1 } as SftRecipe;
    const changes = (more: object) => {
      const tuning = { ...sft, ...more } as SftRecipe;
      return recipeChanges(tuning, { ...tuning, startFrom: 'b' }, 3);
    };
    expect(changes({})).toEqual({ allowed: ['startFrom: "a" → "b"'], refused: [] });
    for (const more of [{ kind: 'dpo' }, { lora: { rank: 4 } }]) {
      expect(changes(more)).toEqual({ allowed: [], refused: ['startFrom: "a" → "b"'] });
    }
  });

  it('may not change what has been', () => {
    const after = { ...before, seed: 6, model: { ...before.model, vocabSize: 128 }, sequenceLength: 64 };
    expect(recipeChanges(before, after, 500).refused).toEqual([
      'seed: 5 → 6',
      'model.vocabSize: 96 → 128',
      'sequenceLength: 32 → 64',
    ]);
  });

  it('may change a stage until it begins', () => {
    const stages = [before.stages[0], { ...before.stages[1], seed: 9 }];
    expect(recipeChanges(before, { ...before, stages }, 800).refused).toEqual([]);
    expect(recipeChanges(before, { ...before, stages }, 801).refused).toEqual(['stages[1].seed: 8 → 9']);
  });
});
