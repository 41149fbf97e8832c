// The objective of a pretraining recipe, given its token folders by name: on disk (src/node/train/pretraining.ts) or in
// a page's memory (src/browser/page-run.ts).

import { FormatError } from '../base/errors.ts';
import { sha256Text } from '../base/sha256.ts';
import { HeldOutWindows } from './held-out.ts';
import { PackedWindows } from './packed-windows.ts';
import { PretrainObjective } from './pretrain.ts';
import type { PretrainRecipe, StageRecipe, WindowOrderName } from './recipe.ts';
import type { TokenBytes, TokenFolder } from './token-shard.ts';
import type { TrainingState } from './training-state.ts';

export interface OpenPretrainOptions {
  /** Go on with the tokens from the beginning when they are used up; true unless told otherwise. */
  readonly repeats?: boolean;
  /** Told of parts whose weight asks for more than they have. */
  readonly onNote?: (text: string) => void;
}

/**
 * @param open  a folder that the recipe names, for training or held out
 * @param state of a run that goes on
 * @throws RangeError when the run has been trained on other tokens so far
 */
export async function openPretrain(
  recipe: PretrainRecipe,
  open: (name: string, tokenBytes?: TokenBytes) => Promise<TokenFolder>,
  state?: TrainingState,
  { repeats = true, onNote }: OpenPretrainOptions = {},
): Promise<PretrainObjective> {
  const { model: config, sequenceLength, stages, order } = recipe;
  const { vocabSize } = config;
  const maskBehind = recipe.documentMasking ? config.eosIds[0] : undefined;
  const sources: PackedWindows[] = [];
  const data: Record<string, string> = Object.create(null);
  for (const stage of stages) {
    const parts = [];
    for (const { folder, weight, tokenBytes } of stage.mixture) {
      parts.push({ folder: await open(folder, tokenBytes), weight });
    }
    const { seed } = stage;
    const source = new PackedWindows({ parts, sequenceLength, vocabSize, order, seed, maskBehind });
    for (const [i, count] of source.repeats.entries()) {
      const { name } = source.parts[i].folder;
      if (count > 0) onNote?.(`${name}: its weight asks for ${count + 1} times its windows an epoch`);
    }
    sources.push(source);
    if (maskBehind !== undefined) for (const part of parts) checkEnds(part.folder, maskBehind);
    data[stage.name] = await fingerprint(parts.map(({ folder }) => folder));
    if (state) checkSameData(stage, state, data[stage.name], order);
  }
  const { folder, textBytes } = recipe.evaluation;
  const sizes = [...new Set(stages.flatMap(({ mixture }) => mixture.map(({ tokenBytes }) => tokenBytes)))];
  const heldOut =
    folder === undefined
      ? undefined
      : new HeldOutWindows(
          await open(folder, sizes.length === 1 ? sizes[0] : undefined),
          sequenceLength,
          vocabSize,
          { textBytes, maskBehind },
        );
  return new PretrainObjective(recipe, sources, heldOut, { ...state, data, repeats });
}

/** Masking goes by the id that ends a document. */
function checkEnds({ name, shards }: TokenFolder, eosId: number): void {
  for (const { header, name: file } of shards) {
    if (header === undefined || header.eos_id === eosId) continue;
    throw new FormatError(
      `expected documents that end with id ${eosId} (eos_token_id), got ${header.eos_id}`,
      {
        file: `${name}/${file}`,
      },
    );
  }
}

/** Data of a stage that has begun may not change; records of older versions do not tell. */
function checkSameData(
  { name, mixture }: StageRecipe,
  state: TrainingState,
  now: string,
  order: WindowOrderName,
): void {
  if (!Object.hasOwn(state.consumedRows, name)) return;
  if (state.data === undefined && order === 'fresh' && mixture.some(({ weight }) => weight === 0)) {
    throw new RangeError(
      '--resume: expected a run without parts of weight 0, of which older versions took rows',
    );
  }
  const known = Object.hasOwn(state.data ?? {}, name) ? state.data?.[name] : undefined;
  const [before, after] = [known ?? now, now].map((text) => text.split(' '));
  // Hashes of shards are compared where they were recorded both times.
  if (before[0] === after[0] && (before[1] ?? after[1]) === (after[1] ?? before[1])) return;
  throw new RangeError(
    `--resume: expected the tokens that the first ${state.step} steps were trained on, got others in ` +
      mixture.map(({ folder }) => folder).join(', '),
  );
}

/** What tells the tokens of folders from others: names and lengths of the shards and, where recorded, their hashes. */
async function fingerprint(folders: readonly TokenFolder[]): Promise<string> {
  const shards = folders.flatMap((folder) => folder.shards);
  const lengths = shards.map(({ name, numTokens }) => `${name} ${numTokens}`);
  const hashes = shards.map(({ header }) => header?.sha256);
  const digest = async (lines: readonly unknown[]) => (await sha256Text(lines.join('\n'))).slice(0, 16);
  const first = await digest(lengths);
  return hashes.includes(undefined) ? first : `${first} ${await digest(hashes)}`;
}
