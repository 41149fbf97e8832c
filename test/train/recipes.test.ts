import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { numParameters } from '../../src/config.ts';
import { readRecipeFile } from '../../src/node/train/recipe-file.ts';
import { type PretrainRecipe, sequencesPerStep } from '../../src/train/recipe.ts';

const folder = fileURLToPath(new URL('../../recipes/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

async function pretraining(name: string): Promise<PretrainRecipe> {
  return (await readRecipeFile(`${folder}${name}.yaml`)).recipe as PretrainRecipe;
}

describe('every recipe of recipes/', () => {
  it.each(files)('%s is read; only the number format, and where it begins, are remarked on', async (file) => {
    const { recipe, notices } = await readRecipeFile(folder + file);
    const expected =
      /^model\.dtype: bfloat16: computed in float32 here$|^checkpoints\.resume_checkpoint_path: its weights/;
    expect(notices.filter((notice) => !expected.test(notice))).toEqual([]);
    if (recipe.kind !== 'pretrain') return;
    for (const { mixture } of recipe.stages) {
      const shares = mixture.map(({ weight }) => weight ?? 1);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    }
  });
});

describe('the published runs', () => {
  it.each([
    ['smollm2-135m', 134_515_008, 1_048_576, 2_000_000, 1_600_000, 400_000, 3e-3],
    ['smollm2-360m', 361_821_120, 1_572_864, 2_600_000, 2_080_000, 520_000, 3e-3],
    ['smollm2-1.7b', 1_711_376_384, 2_097_152, 5_240_000, 4_716_000, 524_000, 5e-4],
    ['smollm2-1.7b-stages', 1_711_376_384, 2_097_152, 5_240_000, 4_716_000, 524_000, 5e-4],
  ])('%s', async (name, parameters, tokensPerStep, steps, decayStart, decaySteps, learningRate) => {
    const recipe = await pretraining(name);
    expect(numParameters(recipe.model)).toBe(parameters);
    expect(sequencesPerStep(recipe) * recipe.sequenceLength).toBe(tokensPerStep);
    expect(recipe).toMatchObject({
      trainSteps: steps,
      schedule: {
        warmupSteps: 2000,
        decayStart,
        decaySteps,
        learningRate,
        decayStyle: 'linear',
        minLearningRate: 0,
      },
      optimizer: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.01, clipGrad: 1 },
      ropeInterleaved: name.startsWith('smollm2-1.7b'),
    });
  });

  it('stages of the 1.7B begin at 6 T and 8 T tokens and with the decay', async () => {
    const { stages } = await pretraining('smollm2-1.7b-stages');
    const trillions = stages.map(({ startStep }) => ((startStep - 1) * 2_097_152) / 1e12);
    expect(trillions.map((value) => value.toFixed(2))).toEqual(['0.00', '6.00', '8.00', '9.89']);
  });

  it('the context extension takes 75 billion tokens and ends where the decay ends', async () => {
    const { trainSteps, model, startFrom, schedule, sequenceLength } = await pretraining('smollm2-1.7b-8k');
    expect((trainSteps * 2_097_152) / 1e9).toBeCloseTo(75, 2);
    expect([model.ropeTheta, model.maxSeqLen, sequenceLength]).toEqual([130_000, 8192, 8192]);
    expect(Number(startFrom?.split('/')[1]) + trainSteps).toBe(5_240_000);
    expect(schedule.learningRate).toBeCloseTo((5e-4 * trainSteps) / 524_000, 8);
  });

  it('the nano ones have one and two million parameters', async () => {
    expect(numParameters((await pretraining('nano')).model)).toBe(1_049_728);
    expect(numParameters((await pretraining('nano-wide')).model)).toBe(1_967_808);
  });
});
