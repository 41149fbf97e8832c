// Pretraining on this machine: token shards on disk, a model from nothing or from a checkpoint.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError } from '../../base/errors.ts';
import { loadModel } from '../../run/load.ts';
import { openTraining } from '../../run/training.ts';
import { bind } from '../../smollm2.ts';
import type { TokenizerSource } from '../../tokenizer/source.ts';
import { HeldOutWindows } from '../../train/held-out.ts';
import { initialise } from '../../train/initialise.ts';
import type { TrainingMachine } from '../../train/machine.ts';
import { PackedWindows } from '../../train/packed-windows.ts';
import { PretrainObjective } from '../../train/pretrain.ts';
import type { PretrainRecipe } from '../../train/recipe.ts';
import { trainedCheckpoint } from '../../train/trained-checkpoint.ts';
import type { TrainingState } from '../../train/training-state.ts';
import { nodePlatform } from '../platform.ts';
import { loadModelInto, type OpenRun, type RunOptions } from './open-run.ts';
import { nodeTrainingPlatform } from './platform.ts';
import { type OpenTokenFolder, openTokenFolder } from './token-folder.ts';

export async function openPretraining(
  recipe: PretrainRecipe,
  options: RunOptions,
  state: TrainingState | undefined,
  place: (path: string) => string,
): Promise<OpenRun> {
  const { model: config, sequenceLength, microBatchSize, stages } = recipe;
  const { vocabSize } = config;
  const maskBehind = recipe.documentMasking ? config.eosIds[0] : undefined;
  const folders: OpenTokenFolder[] = [];
  const open = async (path: string) => {
    const folder = await openTokenFolder(place(path), { vocabSize, onNote: options.onNote });
    folders.push(folder);
    return folder;
  };
  const closeFolders = () => Promise.all(folders.map((folder) => folder.close()));
  try {
    const sources: PackedWindows[] = [];
    for (const { mixture, seed } of stages) {
      const parts = [];
      for (const { folder, weight } of mixture) parts.push({ folder: await open(folder), weight });
      const { order } = recipe;
      sources.push(new PackedWindows({ parts, sequenceLength, vocabSize, order, seed, maskBehind }));
    }
    const { folder, textBytes } = recipe.evaluation;
    const heldOut =
      folder === undefined
        ? undefined
        : new HeldOutWindows(await open(folder), sequenceLength, vocabSize, { textBytes, maskBehind });
    const { engine, threads } = options;
    const shape = { engine, threads, maxRows: microBatchSize * sequenceLength, maxSeqLen: sequenceLength };
    const machine = await openTraining(config, shape, nodeTrainingPlatform);
    const begin = async () => {
      if (recipe.startFrom === undefined) initialise(machine, recipe.initStd, recipe.seed);
      else await loadModelInto(machine, place(recipe.startFrom));
    };
    const tokenizer =
      recipe.tokenizer === undefined ? undefined : await readTokenizer(place(recipe.tokenizer));
    return {
      machine,
      objective: new PretrainObjective(recipe, sources, heldOut, state?.consumedRows, !options.noRepeat),
      optimizer: recipe.optimizer,
      schedule: recipe.schedule,
      begin,
      ...(tokenizer &&
        recipe.evaluation.prompts.length > 0 && { sample: sampler(machine, tokenizer, recipe) }),
      close: async () => {
        await machine.close();
        await closeFolders();
      },
    };
  } catch (error) {
    await closeFolders();
    throw error;
  }
}

/** `tokenizer.json` of a folder, or the file itself; undefined where neither is here (a name on a hub). */
export async function readTokenizer(path: string): Promise<TokenizerSource | undefined> {
  const file = path.endsWith('.json') ? path : join(path, 'tokenizer.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return { kind: 'json', tokenizer: JSON.parse(text), file };
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  }
}

/** Seeds of samples, and how adventurous they are: nanoGPT's setting. */
const SAMPLE_SEED = 1;
const SAMPLE_TEMPERATURE = 0.8;

/** Continues the recipe's prompts with the model as it is. */
function sampler(
  machine: TrainingMachine,
  tokenizer: TokenizerSource,
  { evaluation }: PretrainRecipe,
): (step: number) => Promise<readonly string[]> {
  return async () => {
    const checkpoint = trainedCheckpoint(machine, tokenizer);
    const smol = bind(await loadModel(checkpoint, { threads: 1 }, nodePlatform), checkpoint);
    const texts: string[] = [];
    try {
      for (const prompt of evaluation.prompts) {
        let text = prompt;
        const options = {
          maxTokens: evaluation.sampleTokens,
          temperature: SAMPLE_TEMPERATURE,
          seed: SAMPLE_SEED,
        };
        for await (const token of smol.generate(prompt, options)) text += token.text;
        texts.push(text);
      }
    } finally {
      await smol.close();
    }
    return texts;
  };
}
