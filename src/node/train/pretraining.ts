// Pretraining on this machine: token shards on disk, a model from nothing or from a checkpoint.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError } from '../../base/errors.ts';
import { openTraining } from '../../run/training.ts';
import { trainingSamples } from '../../run/training-samples.ts';
import type { TokenizerSource } from '../../tokenizer/source.ts';
import { initialise } from '../../train/initialise.ts';
import { openPretrain } from '../../train/open-pretrain.ts';
import type { PretrainRecipe } from '../../train/recipe.ts';
import type { TokenBytes } from '../../train/token-shard.ts';
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
  const { model: config, sequenceLength, microBatchSize, evaluation } = recipe;
  const folders: OpenTokenFolder[] = [];
  const open = async (path: string, tokenBytes?: TokenBytes) => {
    const { onNote, onProgress } = options;
    const { vocabSize } = config;
    const folder = await openTokenFolder(place(path), { vocabSize, tokenBytes, onNote, onProgress });
    folders.push(folder);
    return folder;
  };
  const closeFolders = () => Promise.all(folders.map((folder) => folder.close()));
  try {
    const objective = await openPretrain(recipe, open, state, {
      repeats: !options.noRepeat,
      onNote: options.onNote,
    });
    const { engine, threads } = options;
    const shape = { engine, threads, maxRows: microBatchSize * sequenceLength, maxSeqLen: sequenceLength };
    const tokenizer =
      recipe.tokenizer === undefined ? undefined : await readTokenizer(place(recipe.tokenizer));
    const machine = await openTraining(config, shape, nodeTrainingPlatform);
    const begin = async () => {
      if (recipe.startFrom === undefined) initialise(machine, recipe.initStd, recipe.seed);
      else await loadModelInto(machine, place(recipe.startFrom));
    };
    const { prompts, sampleTokens: maxTokens } = evaluation;
    return {
      machine,
      objective,
      schedule: recipe.schedule,
      begin,
      ...(tokenizer &&
        prompts.length > 0 && {
          sample: () => trainingSamples(machine, tokenizer, prompts, { maxTokens }, nodePlatform),
        }),
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
