// Pretraining on this machine: token shards on disk, a model from nothing or from a checkpoint.

import { openTraining } from '../../run/training.ts';
import { trainingSamples } from '../../run/training-samples.ts';
import { initialise } from '../../train/initialise.ts';
import { openPretrain } from '../../train/open-pretrain.ts';
import type { PretrainRecipe } from '../../train/recipe.ts';
import type { TokenBytes } from '../../train/token-shard.ts';
import type { TrainingState } from '../../train/training-state.ts';
import { nodePlatform } from '../platform.ts';
import { loadModelInto, type OpenRun, type RunOptions } from './open-run.ts';
import { nodeTrainingPlatform } from './platform.ts';
import { hasTokenizer, keepTokenizer, readTokenizer } from './run-tokenizer.ts';
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
    const named = recipe.tokenizer === undefined ? undefined : place(recipe.tokenizer);
    const isHere = named !== undefined && hasTokenizer(named);
    const tokenizer = isHere ? await readTokenizer(named) : undefined;
    const { prompts, sampleTokens: maxTokens } = evaluation;
    if (prompts.length > 0 && !isHere)
      options.onNote(`${named ?? 'tokenizer'}: not here, so there are no samples`);
    const machine = await openTraining(config, shape, nodeTrainingPlatform);
    const begin = async () => {
      if (isHere) await keepTokenizer(named, options.out).catch((error) => options.onNote(error.message));
      if (recipe.startFrom === undefined) initialise(machine, recipe.initStd, recipe.seed);
      else await loadModelInto(machine, place(recipe.startFrom));
    };
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
