// SFT and DPO on this machine: a model, its template, and rows from a file or folder.

import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { closedOnError } from '../../base/close-on-error.ts';
import { FormatError, UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { shown } from '../../base/shown.ts';
import { type ChatMessage, checkMessages, contentText } from '../../chat/message.ts';
import { openTraining } from '../../run/training.ts';
import { chatTemplateOf } from '../../smollm2.ts';
import { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { adapterFiles } from '../../train/adapter-files.ts';
import { ChatRows, type LabelledRow } from '../../train/chat-rows.ts';
import { DpoObjective, type PreferencePair } from '../../train/dpo.ts';
import { initialiseAdapters } from '../../train/initialise.ts';
import { loadParameters } from '../../train/load-parameters.ts';
import { adapterShape } from '../../train/lora-targets.ts';
import { type DpoRecipe, fineTuneSchedule, type SftRecipe } from '../../train/recipe.ts';
import { countLabels } from '../../train/row-batch.ts';
import type { Placed, RowPlace } from '../../train/row-place.ts';
import { SftObjective } from '../../train/sft.ts';
import { IGNORED } from '../../train/window-source.ts';
import { openStart } from './open-checkpoint.ts';
import type { OpenRun, RunOptions } from './open-run.ts';
import { nodeTrainingPlatform } from './platform.ts';
import { rowsOfFile } from './row-file.ts';

type FineTuneRecipe = SftRecipe | DpoRecipe;

export async function openFineTuning(
  recipe: FineTuneRecipe,
  options: RunOptions,
  place: (path: string) => string,
): Promise<OpenRun> {
  const checkpoint = await openStart(place(recipe.startFrom));
  try {
    if (!checkpoint.tokenizer) {
      throw new UnsupportedError(`${checkpoint.name}: expected a tokenizer with the model, got none`);
    }
    const tokenizer = Tokenizer.from(checkpoint.tokenizer);
    const source = recipe.chatTemplate ?? checkpoint.chatTemplate;
    const template = chatTemplateOf({ ...checkpoint, chatTemplate: source }, tokenizer);
    if (!template) {
      throw new UnsupportedError(
        `${checkpoint.name}: expected a chat template, got none; give the recipe a chat_template`,
      );
    }
    const at = { file: options.recipe, field: 'lora_target_modules' };
    const adapters = recipe.lora && adapterShape(recipe.lora, checkpoint.config, at);
    const rows = new ChatRows(tokenizer, template);
    const { objective, maxRows, maxSeqLen } = await makeObjective(recipe, rows, options, place);
    const shape = { engine: options.engine, threads: options.threads, maxRows, maxSeqLen, adapters };
    const machine = await openTraining(checkpoint.config, shape, nodeTrainingPlatform);
    await closedOnError(machine, () => loadParameters(machine, checkpoint.tensors));
    return {
      machine,
      objective,
      schedule: fineTuneSchedule(recipe, objective.totalSteps),
      ...(recipe.savesEachEpoch && { checkpointInterval: objective.stepsPerEpoch }),
      ...(recipe.evaluatesEachEpoch && { evaluationInterval: objective.stepsPerEpoch }),
      begin: async () => {
        if (adapters) initialiseAdapters(machine, recipe.seed);
        if (objective instanceof DpoObjective) {
          await objective.prepare(machine, (done, total) =>
            options.onProgress?.('log-probabilities of the reference', done, total, 'rows'),
          );
        }
      },
      ...(adapters && { adapters: () => adapterFiles(machine, recipe) }),
      close: () => machine.close(),
    };
  } finally {
    await checkpoint.close();
  }
}

async function makeObjective(
  recipe: FineTuneRecipe,
  rows: ChatRows,
  options: RunOptions,
  place: (path: string) => string,
): Promise<{ objective: SftObjective | DpoObjective; maxRows: number; maxSeqLen: number }> {
  const folder = place(recipe.dataset);
  const { microBatchSize } = recipe;
  if (recipe.kind === 'dpo') {
    const read: ReadRow<PreferencePair> = (row, at) => pairOf(row, at, recipe, rows);
    const { train, test } = await readSplits(folder, recipe, read, options);
    const all = [...train, ...test].flatMap(({ chosen, rejected }) => [chosen, rejected]);
    return { objective: new DpoObjective(recipe, train, test), ...extent(all, 2 * microBatchSize) };
  }
  const read: ReadRow<LabelledRow> = (row, at) => conversationOf(row, at, recipe, rows);
  const { train, test } = await readSplits(folder, recipe, read, options);
  const objective = new SftObjective(recipe, train, test);
  const longest = extent([...train, ...test], microBatchSize);
  const fullest = recipe.packing ? fullestBin(objective) : 0;
  const maxRows = Math.max(longest.maxRows, microBatchSize * fullest);
  return { objective, maxRows, maxSeqLen: longest.maxSeqLen };
}

/** Most rows of a pass of `count` sequences, and the longest one. */
function extent(rows: readonly LabelledRow[], count: number): { maxRows: number; maxSeqLen: number } {
  const lengths = rows.map(({ ids }) => ids.length - 1).sort((a, b) => b - a);
  return { maxRows: lengths.slice(0, count).reduce((sum, n) => sum + n, 0), maxSeqLen: lengths[0] };
}

function fullestBin({ bins }: SftObjective): number {
  const sizes = bins.map((bin) => bin.reduce((sum, { ids }) => sum + ids.length, 0));
  return sizes.reduce((most, size) => Math.max(most, size), 0);
}

async function conversationOf(
  row: Record<string, unknown>,
  at: RowPlace,
  recipe: SftRecipe,
  rows: ChatRows,
): Promise<LabelledRow | undefined> {
  const messages = messagesOf(row.messages, 'messages', at);
  const { ids, labels } = await rows.conversation(messages, recipe.assistantOnlyLoss);
  const cut = { ids: ids.slice(0, recipe.maxLength), labels: labels.slice(0, recipe.maxLength) };
  return countLabels(cut.labels.slice(1)) > 0 ? cut : undefined;
}

/** A pair: two conversations that differ in their last message, or a prompt and two answers. */
async function pairOf(
  row: Record<string, unknown>,
  at: RowPlace,
  recipe: DpoRecipe,
  rows: ChatRows,
): Promise<PreferencePair | undefined> {
  const side = async (key: 'chosen' | 'rejected'): Promise<LabelledRow> => {
    const messages = sideOf(row, key, at);
    const found = await rows.answer(messages.slice(0, -1), contentText(messages[messages.length - 1]));
    const prompt = found.prompt.slice(-recipe.maxPromptLength);
    const ids = [...prompt, ...found.answer].slice(0, recipe.maxLength);
    return { ids, labels: ids.map((id, t) => (t < prompt.length ? IGNORED : id)) };
  };
  const pair = { chosen: await side('chosen'), rejected: await side('rejected') };
  const isLabelled = [pair.chosen, pair.rejected].every(({ labels }) => countLabels(labels.slice(1)) > 0);
  return isLabelled ? pair : undefined;
}

/** The conversation of one side: whole, or an answer alone, which stands behind the row's prompt (TRL's two forms). */
function sideOf(row: Record<string, unknown>, key: string, at: RowPlace): readonly ChatMessage[] {
  const said = messagesOf(asMessages(row[key], 'assistant'), key, at);
  const isAnswer = said[0]?.role === 'assistant';
  const messages = isAnswer ? [...messagesOf(asMessages(row.prompt, 'user'), 'prompt', at), ...said] : said;
  if (messages.length > 1 && messages[messages.length - 1].role === 'assistant') return messages;
  throw new FormatError(`${key}: expected messages that end in one of the assistant, behind a prompt`, at);
}

function asMessages(value: unknown, role: string): unknown {
  return typeof value === 'string' ? [{ role, content: value }] : value;
}

function messagesOf(value: unknown, key: string, at: RowPlace): readonly ChatMessage[] {
  let messages: readonly ChatMessage[];
  try {
    messages = checkMessages(value);
  } catch (error) {
    throw new FormatError((error as Error).message.replace('messages', key), at);
  }
  for (const [i, { role }] of messages.entries())
    checkRole(role, { ...at, field: `${at.field}, ${key}[${i}]` });
  return messages;
}

/** A template knows what roles it knows, but an assistant that is misspelt would be left without labels. */
function checkRole(role: string, at: RowPlace): void {
  if (role === 'assistant' || !/^[a-z]+$/i.test(role) || !nearest(role, ['assistant'])) return;
  throw new FormatError(`expected the role assistant, got ${shown(role)}`, at);
}

/** A row for training out of what the file has; undefined where nothing of it would count. */
type ReadRow<Row> = (row: Record<string, unknown>, at: RowPlace) => Promise<Row | undefined>;

/** Rows to train on, and those that are held out: a data set that is one file has none. */
async function readSplits<Row>(
  path: string,
  { trainSplit, testSplit }: FineTuneRecipe,
  read: ReadRow<Row>,
  options: RunOptions,
): Promise<{ train: readonly (Row & Placed)[]; test: readonly (Row & Placed)[] }> {
  const { onNote } = options;
  const train = await readSplit(path, trainSplit, read, options);
  if (testSplit === undefined) return { train, test: [] };
  if (testSplit === trainSplit) {
    onNote(`dataset_test_split: ${testSplit} is trained on too, so that eval_loss is not of rows held out`);
    return { train, test: train };
  }
  if (statSync(path).isFile()) {
    onNote(`dataset_test_split: ${path} is one file, without a split ${testSplit}; nothing is evaluated`);
    return { train, test: [] };
  }
  return { train, test: await readSplit(path, testSplit, read, options) };
}

/** Rows of a split: the file itself, or SPLIT.jsonl (SPLIT-….jsonl, or .parquet) of a folder. */
async function readSplit<Row>(
  path: string,
  split: string,
  read: ReadRow<Row>,
  { onNote, onProgress }: RunOptions,
): Promise<(Row & Placed)[]> {
  const rows: (Row & Placed)[] = [];
  let skipped = 0;
  for (const file of await splitFiles(path, split)) {
    for await (const [written, at] of rowsOfFile(file)) {
      const row = await read(written, at).catch((error: Error) => failedAt(at, error));
      if (row) rows.push({ ...row, at });
      else skipped++;
      onProgress?.(`reading ${split}`, rows.length + skipped, undefined, 'rows');
    }
  }
  if (skipped > 0) onNote(`${split}: ${skipped} rows left out, without a label within the longest length`);
  if (rows.length === 0) throw new UnavailableError(`${path}: expected rows of split ${split}, got none`);
  return rows;
}

/** Whoever threw the error of a row, the template too: its place is named. */
function failedAt(at: RowPlace, error: Error): never {
  if (error instanceof FormatError && error.file === at.file) throw error;
  if (error instanceof UnsupportedError) {
    throw new UnsupportedError(`${at.file}, ${at.field}: ${error.message}`, { cause: error });
  }
  const placed = new FormatError(error.message, at);
  placed.cause = error;
  throw placed;
}

async function splitFiles(path: string, split: string): Promise<string[]> {
  if (!existsSync(path)) {
    throw new UnavailableError(
      `${path}: expected a file or folder of rows (JSONL or parquet), got nothing there`,
    );
  }
  if (statSync(path).isFile()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(jsonl|parquet)$/.test(name));
  const ours = names
    .filter((name) => name.replace(/\.\w+$/, '') === split || name.startsWith(`${split}-`))
    .sort();
  return ours.map((name) => join(path, name));
}
