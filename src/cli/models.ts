// `smollm2 list`, `pull` and `rm`: the models on this machine.

import { DEFAULT_MODEL } from '../download/model-names.ts';
import { cachedModels, removeCachedModel } from '../node/cached-models.ts';
import { findWeights } from '../node/find-weights.ts';
import { type Arguments, Command, columns } from './arguments.ts';
import { interruptible, print, Status } from './terminal.ts';

export const listCommand = new Command('list', 'The models on this machine')
  .option('--json', 'print one JSON array')
  .example('$ smollm2 list')
  .onRun(list);

export const pullCommand = new Command('pull [model]', 'Fetch a model, so that it is there without a network')
  .example('$ smollm2 pull 360m')
  .onRun(pull);

export const rmCommand = new Command('rm <model>', 'Remove a model of smollm2 list from this machine')
  .example('$ smollm2 rm HuggingFaceTB/SmolLM2-360M-Instruct')
  .onRun(remove);

async function list(args: Arguments): Promise<void> {
  const models = await cachedModels();
  if (args.flag('json')) return print(`${JSON.stringify(models, null, 1)}\n`);
  if (models.length === 0) return print('no model is here yet; smollm2 pull fetches one\n');
  const rows = models.map(({ name, size, modified }): [string, string] => [
    `${megabytes(size).padStart(10)}  ${new Date(modified).toISOString().slice(0, 10)}`,
    name,
  ]);
  await print(columns(rows, Number.MAX_SAFE_INTEGER));
}

async function pull(args: Arguments): Promise<void> {
  const status = new Status();
  const model = args.words[0] ?? DEFAULT_MODEL;
  const { path } = await interruptible((signal) =>
    findWeights(model, {
      signal,
      onNote: (text) => status.note(text),
      onProgress: (file, done, total) => status.progress(file, done, total),
    }),
  );
  status.clear();
  await print(`${path}\n`);
}

async function remove(args: Arguments): Promise<void> {
  const { name, size } = await removeCachedModel(args.words[0]);
  await print(`removed ${name}, ${megabytes(size)}\n`);
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
