// `smollm2 grads`: the gradient of the mean loss for every parameter, in a safetensors file: what `trace` is to
// porters of inference, this is to porters of training.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FormatError } from '../base/errors.ts';
import { type SafetensorsInput, writeSafetensors } from '../format/safetensors.ts';
import { nodeTrainingPlatform } from '../node/train/platform.ts';
import { makeFolderOf, writeFileWhole } from '../node/write-file.ts';
import { IGNORED_LABEL } from '../ops-backward.ts';
import { openTraining } from '../run/training.ts';
import type { Batch } from '../train/learner.ts';
import { loadParameters } from '../train/load-parameters.ts';
import { type Arguments, Command } from './arguments.ts';
import { modelOption, openModelFile } from './model-options.ts';
import { print, Status } from './terminal.ts';
import { parseIds } from './tokenize.ts';

export const gradsCommand = modelOption(
  new Command('grads', 'Write the gradient of the mean loss to a safetensors file')
    .option('--ids <ids>', 'token ids, such as 1,2,3: every one is to be followed by the next')
    .option('--batch <file>', 'JSONL of rows {"ids":[…],"labels":[…] or null} in place of --ids')
    .option('--out <file>', 'file to write')
    .option('--engine <engine>', 'wasm (float32, default) or reference (float64, slow)')
    .option('--threads <n>', 'threads of the wasm engine')
    .example('$ smollm2 grads --model 135m --ids 1,2,3,4 --out grads.safetensors'),
).onRun(run);

/** Ids of a row and what should follow each, as HF's models take them: a label stands at its own id's place. */
interface Row {
  readonly ids: readonly number[];
  readonly labels: readonly number[];
}

async function run(args: Arguments): Promise<void> {
  const out = args.text('out');
  const [ids, file] = [args.text('ids'), args.text('batch')];
  if (out === undefined) throw new RangeError('--out: expected a file to write, got nothing');
  if ((ids === undefined) === (file === undefined)) {
    throw new RangeError('grads: expected one of --ids and --batch');
  }
  const engine = args.choice('engine', ['wasm', 'reference']) ?? 'wasm';
  const status = new Status();
  const rows = file === undefined ? [idsRow(parseIds(ids ?? ''))] : await readRows(file);
  const checkpoint = await openModelFile(args, status);
  try {
    const { config } = checkpoint;
    checkRows(rows, config.vocabSize, config.maxSeqLen, file ?? '--ids');
    const batch = batchOf(rows);
    const numLabels = batch.labels.filter((label) => label !== IGNORED_LABEL).length;
    const machine = await openTraining(
      config,
      {
        engine,
        threads: args.threads(),
        maxRows: batch.ids.length,
        maxSeqLen: Math.max(...batch.sequenceLengths),
        withoutMoments: true,
      },
      nodeTrainingPlatform,
    );
    await loadParameters(machine, checkpoint.tensors);
    const weights = batch.labels.map(() => 1 / numLabels);
    const { losses } = await machine.gradients(batch, weights);
    const loss = losses.reduce((sum, value) => sum + value, 0) / numLabels;
    const tensors = machine.parameters.map(
      ({ name, shape }): SafetensorsInput => ({ name, shape, values: machine.read('gradient', name) }),
    );
    const metadata = { loss: String(loss), labels: String(numLabels), engine, model: checkpoint.name };
    const bytes = writeSafetensors(tensors, metadata);
    makeFolderOf(out);
    await writeFileWhole(out, pieces(bytes));
    await machine.close();
    status.note(`${tensors.length} gradients of ${numLabels} labels written to ${out}`);
    await print(`loss ${loss}\n`);
  } finally {
    await checkpoint.close();
  }
}

/** Written in pieces, since a single write takes no more than 2 GB. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const size = 2 ** 28;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function idsRow(ids: readonly number[]): Row {
  return { ids, labels: ids };
}

/** Longest line of a batch: far above any row of 8,192 ids. */
const MAX_LINE = 2 ** 22;

async function readRows(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number++;
    if (line.trim() !== '') rows.push(readRow(line, { file, field: `line ${number}` }));
  }
  if (rows.length === 0) throw new FormatError('expected at least one row, got none', { file });
  return rows;
}

function readRow(line: string, place: { file: string; field: string }): Row {
  if (line.length > MAX_LINE) throw new FormatError(`expected at most ${MAX_LINE} characters`, place);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, place);
  }
  const { ids, labels } = (value ?? {}) as { ids?: unknown; labels?: unknown };
  const isNumbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isInteger);
  if (!isNumbers(ids)) throw new FormatError('expected {"ids":[…]} with whole numbers', place);
  if (labels === undefined || labels === null) return idsRow(ids);
  if (!isNumbers(labels) || labels.length !== ids.length) {
    const got = Array.isArray(labels) ? `${labels.length}` : String(labels).slice(0, 40);
    throw new FormatError(`expected null or ${ids.length} whole numbers as labels, got ${got}`, place);
  }
  return { ids, labels };
}

function checkRows(rows: readonly Row[], vocabSize: number, maxSeqLen: number, subject: string): void {
  const isId = (id: number) => id >= 0 && id < vocabSize;
  for (const [i, { ids, labels }] of rows.entries()) {
    if (ids.length < 2 || ids.length > maxSeqLen) {
      throw new RangeError(`${subject}: expected 2 to ${maxSeqLen} ids in row ${i + 1}, got ${ids.length}`);
    }
    const wrong = ids.find((id) => !isId(id)) ?? labels.find((id) => id !== IGNORED_LABEL && !isId(id));
    if (wrong !== undefined) {
      throw new RangeError(`${subject}: expected ids below ${vocabSize} in row ${i + 1}, got ${wrong}`);
    }
  }
  if (rows.every(({ labels }) => labels.slice(1).every((label) => label === IGNORED_LABEL))) {
    throw new RangeError(`${subject}: expected at least one label behind the first id, got none`);
  }
}

/** Each position but the last of a row is to be followed by the next one's label. */
function batchOf(rows: readonly Row[]): Batch {
  return {
    ids: rows.flatMap(({ ids }) => ids.slice(0, -1)),
    labels: rows.flatMap(({ labels }) => labels.slice(1)),
    sequenceLengths: rows.map(({ ids }) => ids.length - 1),
  };
}
