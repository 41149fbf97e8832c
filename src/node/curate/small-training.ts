// One of an ablation's equal trainings: a model of some hundred thousand parameters over bytes, through the
// trainer that trains everything else, in the calling thread. Bytes need no tokenizer, which would favour
// the source it was made of.

import type { ModelConfig } from '../../config.ts';
import { type AblationRecipe, HEAD_DIM } from '../../data/ablate/recipe.ts';
import { bytesSource } from '../../format/source.ts';
import { openTraining } from '../../run/training.ts';
import { HeldOutWindows } from '../../train/held-out.ts';
import { initialise } from '../../train/initialise.ts';
import { PackedWindows } from '../../train/packed-windows.ts';
import { PretrainObjective } from '../../train/pretrain.ts';
import type { PretrainRecipe } from '../../train/recipe.ts';
import { encodeTokens, type TokenFolder } from '../../train/token-shard.ts';
import { Trainer } from '../../train/trainer.ts';
import { nodeTrainingPlatform } from '../train/platform.ts';
import { type ByteTexts, DOCUMENT_END, drawnBytes } from './byte-texts.ts';

export interface SmallTraining {
  readonly mixture: string;
  readonly rates: readonly number[];
  readonly seed: number;
}

export type SmallModel = Pick<
  AblationRecipe,
  'tokens' | 'hiddenSize' | 'numLayers' | 'sequenceLength' | 'learningRate'
>;

/** Runs side by side take a core each: a team for one of them would only wait. */
const inThisThread = { loadModule: nodeTrainingPlatform.loadModule, defaultThreads: 1 };

/** 256 bytes and the end of a document, rounded up to whole lanes. */
const VOCAB_SIZE = 264;
/** Tokens of a step: small, since a short training is short of steps (1,024 learned 0.2 bits a byte less). */
const STEP_TOKENS = 256;

/**
 * Trains on a mixture and measures every domain.
 *
 * @returns bits per byte, [numDomains]
 */
export async function trainSmall(
  { rates, seed }: SmallTraining,
  model: SmallModel,
  sources: readonly ByteTexts[],
  domains: readonly ByteTexts[],
): Promise<number[]> {
  const { sequenceLength, tokens } = model;
  const parts = rates.map((rate, s) => {
    // A window needs its length twice: an epoch may begin anywhere in the first.
    const count = Math.max(Math.ceil(rate * tokens), 2 * sequenceLength + 2);
    return { folder: folderOf(`source ${s}`, drawnBytes(sources[s], count, seed)), weight: rate };
  });
  const recipe = recipeOf(model, seed);
  const vocabSize = VOCAB_SIZE;
  const windows = new PackedWindows({ parts, sequenceLength, vocabSize, order: 'fresh', seed });
  const { microBatchSize } = recipe;
  const shape = { maxRows: microBatchSize * sequenceLength, maxSeqLen: sequenceLength };
  const machine = await openTraining(recipe.model, shape, inThisThread);
  try {
    initialise(machine, recipe.initStd, seed);
    const objective = new PretrainObjective(recipe, [windows], undefined);
    const trainer = new Trainer(machine, objective, {
      ...recipe,
      recipe,
      checkpointInterval: Number.POSITIVE_INFINITY,
      saveInitial: false,
      saveFinal: false,
      evaluationInterval: Number.POSITIVE_INFINITY,
      onStep: () => undefined,
      onNote: () => undefined,
    });
    await trainer.run();
    const bits: number[] = [];
    for (const [d, domain] of domains.entries()) {
      const count = domain.bytes.length + domain.ends.length;
      const heldOut = new HeldOutWindows(
        folderOf(`domain ${d}`, drawnBytes(domain, count, undefined)),
        sequenceLength,
        vocabSize,
        { textBytes: domain.bytes.length },
      );
      const found = await new PretrainObjective(recipe, [windows], heldOut).evaluate(machine);
      bits.push(Number(found?.extra.eval_bits_per_byte));
    }
    return bits;
  } finally {
    await machine.close();
  }
}

function recipeOf(model: SmallModel, seed: number): PretrainRecipe {
  const { tokens, sequenceLength, learningRate, hiddenSize } = model;
  const microBatchSize = Math.max(1, Math.floor(STEP_TOKENS / sequenceLength));
  const trainSteps = Math.max(1, Math.floor(tokens / (microBatchSize * sequenceLength)));
  const warmupSteps = Math.ceil(trainSteps / 10);
  return {
    kind: 'pretrain',
    name: 'ablation',
    seed,
    model: configOf(model),
    initStd: 1 / Math.sqrt(hiddenSize),
    ropeInterleaved: false,
    documentMasking: false,
    optimizer: {
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      weightDecay: 0.01,
      weightDecayExclude: [],
      clipGrad: 1,
    },
    // Down to nothing: what a mixture is worth shows after the decay (SmolLM2 paper, 3.1).
    schedule: {
      learningRate,
      warmupSteps,
      warmupStyle: 'linear',
      decayStart: warmupSteps,
      decaySteps: Math.max(1, trainSteps - warmupSteps),
      decayStyle: 'linear',
      minLearningRate: 0,
    },
    evaluation: {
      folder: undefined,
      textBytes: undefined,
      interval: trainSteps,
      prompts: [],
      sampleTokens: 0,
    },
    checkpoints: { interval: trainSteps, saveInitial: false, saveFinal: false },
    sequenceLength,
    microBatchSize,
    microBatchesPerStep: 1,
    trainSteps,
    stages: [{ name: 'mixture', startStep: 1, mixture: [], seed }],
    order: 'fresh',
    tokenizer: undefined,
    startFrom: undefined,
  };
}

function configOf({ hiddenSize, numLayers, sequenceLength }: SmallModel): ModelConfig {
  const numHeads = hiddenSize / HEAD_DIM;
  return {
    vocabSize: VOCAB_SIZE,
    hiddenSize,
    intermediateSize: 3 * hiddenSize,
    numLayers,
    numHeads,
    numKvHeads: numHeads % 2 === 0 ? numHeads / 2 : numHeads,
    headDim: HEAD_DIM,
    maxSeqLen: sequenceLength,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    qkvBias: false,
    tiedEmbeddings: true,
    bosId: DOCUMENT_END,
    eosIds: [DOCUMENT_END],
  };
}

/** Ids as a folder of one shard that lies in memory. */
function folderOf(name: string, ids: Uint16Array): TokenFolder {
  const source = bytesSource(name, encodeTokens(ids, 2));
  return { name, shards: [{ name, source, tokenBytes: 2, numTokens: ids.length }] };
}
