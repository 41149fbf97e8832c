// The objective of a pretraining recipe, given its token folders by name: on disk (src/node/train/pretraining.ts) or in
// a page's memory (src/browser/page-run.ts).

import { HeldOutWindows } from './held-out.ts';
import { PackedWindows } from './packed-windows.ts';
import { PretrainObjective } from './pretrain.ts';
import type { PretrainRecipe } from './recipe.ts';
import type { TokenFolder } from './token-shard.ts';
import type { TrainingState } from './training-state.ts';

/**
 * @param open  a folder that the recipe names, for training or held out
 * @param state of a run that goes on
 * @param repeats go on with the tokens from the beginning when they are used up
 */
export async function openPretrain(
  recipe: PretrainRecipe,
  open: (name: string) => Promise<TokenFolder>,
  state?: TrainingState,
  repeats = true,
): Promise<PretrainObjective> {
  const { model: config, sequenceLength, stages, order } = recipe;
  const { vocabSize } = config;
  const maskBehind = recipe.documentMasking ? config.eosIds[0] : undefined;
  const sources: PackedWindows[] = [];
  for (const { mixture, seed } of stages) {
    const parts = [];
    for (const { folder, weight } of mixture) parts.push({ folder: await open(folder), weight });
    sources.push(new PackedWindows({ parts, sequenceLength, vocabSize, order, seed, maskBehind }));
  }
  const { folder, textBytes } = recipe.evaluation;
  const heldOut =
    folder === undefined
      ? undefined
      : new HeldOutWindows(await open(folder), sequenceLength, vocabSize, { textBytes, maskBehind });
  return new PretrainObjective(recipe, sources, heldOut, state?.consumedRows, repeats);
}
