// `smollm2 convert`: a run's checkpoint, nanotron's layout, an HF folder or GGUF as a model that other programs load.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint.ts';
import { hfFolderFiles } from '../format/hf-write.ts';
import { withJsonTokenizer } from '../format/json-tokenizer.ts';
import { nanotronFiles } from '../format/nanotron-write.ts';
import { ggufContentOfHf } from '../format/to-gguf.ts';
import { openTrained, type TrainedModel } from '../node/train/open-checkpoint.ts';
import { makeFolderOf, writeFileWhole } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { ggufPieces, TYPE_NAMES } from './quantize.ts';
import { interruptSignal, Status } from './terminal.ts';

const FORMATS = ['hf', 'gguf', 'nanotron'] as const;
const HF_TYPES = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const;

export const convertCommand = new Command(
  'convert <in> <out>',
  "Write a run, nanotron's checkpoint or a model as an HF folder, GGUF or nanotron's layout",
)
  .option('--to <format>', `${FORMATS.join(', ')} (default: hf, or gguf for a name in .gguf)`)
  .option('--type <type>', `hf: f32, bf16, f16 (default: f32); gguf: ${TYPE_NAMES.join(', ')} (default: f16)`)
  .option('--step <n>', 'of a run: the checkpoint of this step (default: the last)')
  .option('--best', 'of a run: the checkpoint of the best evaluation')
  .option('--tokenizer <file>', "tokenizer.json, where the input has none or another's")
  .option('--tp <n>', 'nanotron: ranks of tensor parallelism (default: 1)')
  .option('--interleaved', 'nanotron: rotary pairs beside each other, as in the run of the 1.7B')
  .example('$ smollm2 convert runs/nano nano-hf')
  .example('$ smollm2 convert runs/nano nano.gguf --type q8_0')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [input, output] = args.words;
  const to = args.choice('to', FORMATS) ?? (output.endsWith('.gguf') ? 'gguf' : 'hf');
  if (to !== 'gguf' && existsSync(join(output, 'model'))) {
    throw new RangeError(`${output}: expected a folder without a model, got one with it`);
  }
  for (const [name, isGiven] of [
    ['--tp', args.count('tp') !== undefined],
    ['--interleaved', args.flag('interleaved')],
  ]) {
    if (isGiven && to !== 'nanotron')
      throw new UsageError(`${name}: expected --to nanotron with it, got ${to}`);
  }
  const status = new Status();
  const signal = interruptSignal();
  const trained = await openTrained(input, {
    step: args.count('step'),
    best: args.flag('best'),
    tokenizer: args.text('tokenizer'),
    onNote: (text) => status.note(text),
  });
  try {
    if (to === 'hf') await writeHf(trained, output, args);
    else if (to === 'gguf') await writeGgufFile(trained.checkpoint, output, args, signal);
    else await writeNanotron(trained, output, args);
    status.note(`${output}: written as ${to}`);
  } finally {
    await trained.checkpoint.close();
  }
}

async function writeHf({ checkpoint, card }: TrainedModel, folder: string, args: Arguments): Promise<void> {
  const type = args.choice('type', ['f32', 'bf16', 'f16']) ?? 'f32';
  const files = hfFolderFiles(withJsonTokenizer(checkpoint), { dtype: HF_TYPES[type], card });
  // The weights last: a folder without them is no model yet.
  for (const { path, pieces } of files)
    if (path !== 'model.safetensors') await writeInto(folder, path, pieces);
  for (const { path, pieces } of files)
    if (path === 'model.safetensors') await writeInto(folder, path, pieces);
}

async function writeGgufFile(
  checkpoint: Checkpoint,
  file: string,
  args: Arguments,
  signal: AbortSignal,
): Promise<void> {
  const type = args.choice('type', TYPE_NAMES) ?? 'f16';
  const content = ggufContentOfHf(withJsonTokenizer(checkpoint));
  makeFolderOf(file);
  await writeFileWhole(
    file,
    ggufPieces(content, type, signal, () => undefined),
  );
}

async function writeNanotron(
  { checkpoint, state }: TrainedModel,
  folder: string,
  args: Arguments,
): Promise<void> {
  if (args.text('type') !== undefined)
    throw new UsageError('--type: expected none with --to nanotron, got one');
  const samples = Object.values(state?.consumedRows ?? {}).reduce((sum, rows) => sum + rows, 0);
  const progress = state && {
    last_train_step: state.step,
    consumed_train_samples: samples,
    consumed_tokens_total: state.consumedTokens,
    last_stage_idx: 0,
    data_stages: [],
  };
  const tp = args.count('tp');
  const files = nanotronFiles(checkpoint, { tp, isInterleaved: args.flag('interleaved'), progress });
  for await (const { path, bytes } of files) await writeInto(folder, path, [bytes]);
}

async function writeInto(
  folder: string,
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = join(folder, path);
  makeFolderOf(file);
  await writeFileWhole(file, asynchronous(pieces));
}

async function* asynchronous(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  yield* pieces;
}
