// A checkpoint of training by its folder: a run of `smollm2 train`, a step of nanotron's, or whatever else holds a
// model.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { closedOnError } from '../../base/close-on-error.ts';
import { FormatError, UnavailableError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { Checkpoint } from '../../format/checkpoint.ts';
import { templateOf } from '../../format/hf.ts';
import { withJsonTokenizer } from '../../format/json-tokenizer.ts';
import { withAdapter } from '../../format/merge-adapter.ts';
import { readNanotron } from '../../format/nanotron.ts';
import type { TokenizerSource } from '../../tokenizer/source.ts';
import { trainedAdapter } from '../../train/adapter-files.ts';
import { type LoggedStep, modelCard } from '../../train/model-card.ts';
import type { FineTuneRecipe } from '../../train/recipe.ts';
import { stateCheckpoint } from '../../train/state-checkpoint.ts';
import type { TrainingCheckpoint, TrainingState } from '../../train/training-state.ts';
import { fileSource } from '../file-source.ts';
import { openNode } from '../open.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';
import { hasTokenizer, readTokenizer } from './run-tokenizer.ts';

export interface OpenCheckpointOptions {
  /** The checkpoint of this step instead of the last. */
  readonly step?: number;
  /** The checkpoint of the best evaluation instead of the last. */
  readonly best?: boolean;
  /** `tokenizer.json`, or a folder with one; a run's own is named by its recipe. */
  readonly tokenizer?: string;
  readonly onNote?: (text: string) => void;
}

export interface TrainedModel {
  readonly checkpoint: Checkpoint;
  /** Where the run stood; absent for models of other programs. */
  readonly state?: TrainingState;
  /** README.md for it; absent for models of other programs. */
  readonly card?: string;
}

export async function openTrained(path: string, options: OpenCheckpointOptions = {}): Promise<TrainedModel> {
  if (isRunFolder(path)) return openRunFolder(path, options);
  const step = await nanotronStep(path, options.step);
  const tokenizer = options.tokenizer === undefined ? undefined : await readTokenizer(options.tokenizer);
  const checkpoint = step === undefined ? await openNode(path) : await openNanotron(step);
  return { checkpoint: tokenizer ? withTokenizer(checkpoint, tokenizer) : withJsonTokenizer(checkpoint) };
}

/** A model to train on from: that of a run, such as SFT's for DPO, or whatever `load()` takes. */
export async function openStart(path: string): Promise<Checkpoint> {
  return isRunFolder(path) ? (await openRunFolder(path, {})).checkpoint : openNode(path);
}

function isRunFolder(path: string): boolean {
  const checkpoints = join(path, 'checkpoints');
  return existsSync(checkpoints) && !existsSync(join(checkpoints, 'latest.txt'));
}

async function openRunFolder(path: string, options: OpenCheckpointOptions): Promise<TrainedModel> {
  const { step, best, onNote, tokenizer } = options;
  const store = new CheckpointFolder(join(path, best ? 'best' : 'checkpoints'), onNote);
  const saved = step === undefined ? await store.latest() : await store.load(step);
  if (!saved) throw new RangeError(`${store.path}: expected a checkpoint, got none`);
  const { state, tensors } = saved;
  const { recipe } = state;
  const asked = tokenizer === undefined ? undefined : await readTokenizer(tokenizer);
  if (recipe.kind !== 'pretrain' && recipe.lora) return openAdapted(path, recipe, saved, asked);
  const model = recipe.kind === 'pretrain' ? undefined : await openTuned(path, recipe.startFrom);
  await model?.close();
  const config = recipe.kind === 'pretrain' ? recipe.model : model!.config;
  const own = hasTokenizer(path) ? path : undefined;
  const named = recipe.kind === 'pretrain' ? (own ?? recipe.tokenizer) : undefined;
  const isHere = named !== undefined && hasTokenizer(named);
  if (named !== undefined && !isHere && !asked)
    onNote?.(`${named}: no such tokenizer here; --tokenizer names another`);
  const source = asked ?? (isHere ? await readTokenizer(named) : model?.tokenizer);
  const { chatTemplate } = model ?? {};
  const weights = {
    ...stateCheckpoint(path, config, tensors.weights),
    ...(chatTemplate && { chatTemplate }),
  };
  const checkpoint = source ? withTokenizer(weights, source) : weights;
  return {
    checkpoint: withTemplateOf(recipe, checkpoint),
    state,
    card: modelCard(config, state, await readLog(join(path, 'log.jsonl'), state.step)),
  };
}

/** The model that a run has tuned. Where its recipe is nobody knows any more: paths beside it are from here. */
async function openTuned(run: string, model: string): Promise<Checkpoint> {
  try {
    return await openStart(model);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    throw new UnavailableError(
      `${run}: expected the model that the run has tuned, got none at ${resolve(model)} (${error.message}); ` +
        `run this where ${model} leads to it`,
      { cause: error },
    );
  }
}

/** A model that was tuned on conversations is asked as they were written. */
function withTemplateOf(recipe: TrainingState['recipe'], checkpoint: Checkpoint): Checkpoint {
  const chatTemplate = recipe.kind === 'pretrain' ? undefined : recipe.chatTemplate;
  return chatTemplate === undefined ? checkpoint : { ...checkpoint, chatTemplate };
}

/** A checkpoint of LoRA as the model that was tuned, its adapters added in. */
async function openAdapted(
  path: string,
  recipe: FineTuneRecipe,
  { state, tensors }: TrainingCheckpoint,
  tokenizer: TokenizerSource | undefined,
): Promise<TrainedModel> {
  const model = await openTuned(path, recipe.startFrom);
  const adapter = await closedOnError(model, async () =>
    trainedAdapter(recipe, model.config, tensors.weights, path),
  );
  const log = await readLog(join(path, 'log.jsonl'), state.step);
  const adapted = withAdapter(model, adapter);
  const told = tokenizer ? withTokenizer(adapted, tokenizer) : withJsonTokenizer(adapted);
  const checkpoint = withTemplateOf(state.recipe, told);
  return { checkpoint, state, card: modelCard(model.config, state, log) };
}

/** Folder of one step: `path` itself, or the step that `latest.txt` beside it names; undefined for other folders. */
async function nanotronStep(path: string, step: number | undefined): Promise<string | undefined> {
  if (existsSync(join(path, 'checkpoint_metadata.json'))) return path;
  for (const folder of [path, join(path, 'checkpoints')]) {
    const latest = await readFile(join(folder, 'latest.txt'), 'utf8').catch(() => undefined);
    if (latest === undefined) continue;
    const name = String(step ?? latest.trim());
    if (/^\d{1,15}$/.test(name)) return join(folder, name);
    throw new FormatError(`expected a step, got ${shown(name)}`, {
      file: join(folder, 'latest.txt'),
    });
  }
  return undefined;
}

async function openNanotron(folder: string): Promise<Checkpoint> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
  return readNanotron(files, (name) => fileSource(join(folder, name)), folder);
}

function withTokenizer(checkpoint: Checkpoint, tokenizer: TokenizerSource): Checkpoint {
  const template =
    tokenizer.kind === 'json' ? templateOf(tokenizer.tokenizerConfig) : checkpoint.chatTemplate;
  return { ...checkpoint, tokenizer, ...(template === undefined ? {} : { chatTemplate: template }) };
}

/** Lines up to this step; a line that is no JSON (cut off when the run was killed) is left out. */
async function readLog(path: string, step: number): Promise<LoggedStep[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = JSON.parse(line);
      return Number.isInteger(parsed?.step) && parsed.step <= step ? [parsed as LoggedStep] : [];
    } catch {
      return [];
    }
  });
}
