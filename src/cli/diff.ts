// `smollm2 diff`: two traces, the first point that float arithmetic does not explain, and the likely cause.

import { access } from 'node:fs/promises';
import { diff } from '../diff/diff.ts';
import { diffGradients, holdsGradients } from '../diff/gradients.ts';
import type { FloatFormat } from '../diff/precision.ts';
import { causesText, POINT_HEADER, pointLine, reportJson, verdictText } from '../diff/report.ts';
import { reportHtml } from '../diff/report-html.ts';
import { checkpointWeights } from '../diff/weight-source.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { SafetensorsFile } from '../format/safetensors.ts';
import { fileSource } from '../node/file-source.ts';
import { openNode } from '../node/open.ts';
import { wasmModule } from '../node/platform.ts';
import { writeText } from '../node/write-file.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { readTrace } from '../traces/trace-file.ts';
import { type Arguments, Command } from './arguments.ts';
import { modelOption, openModelFile } from './model-options.ts';
import { interruptSignal, print, Status } from './terminal.ts';

export const diffCommand = modelOption(
  new Command('diff [...traces]', 'Find the first wrong number: reference trace, then candidate'),
)
  .option('--dtype <format>', 'hold the candidate to f64, f32, f16 or bf16 (default: what its numbers show)')
  .option('--accept <cause>', 'count points that this cause explains as explained; may be repeated')
  .option('--all', 'list every point, also after the first that is not explained')
  .option('--json', 'print one JSON object')
  .option('--html <file>', 'write a page with a heat map of the error per layer and module')
  .option('--causes', 'list the causes that diff can name')
  .example('$ smollm2 diff reference.safetensors mine.npz --model 135m')
  .onRun(run);

/** 2 stays for commands that were not understood. */
const EXIT = { right: 0, wrong: 1, 'cannot-judge': 3 } as const;

async function run(args: Arguments): Promise<void> {
  if (args.flag('causes')) return print(`${causesText()}\n`);
  if (args.words.length !== 2) {
    throw new RangeError(`diff: expected two traces, reference and candidate, got ${args.words.length}`);
  }
  if (await diffOfGradients(args)) return;
  const status = new Status();
  const [reference, candidate] = await Promise.all(args.words.map(openTrace));
  const checkpoint = await openWeights(args, reference.metadata.model, status);
  const asJson = args.flag('json');
  let listing = !asJson;
  try {
    if (listing) await print(`${POINT_HEADER}\n`);
    const report = await diff(reference, candidate, {
      weights: checkpoint && checkpointWeights(checkpoint, await wasmModule('products')),
      format: args.choice<FloatFormat>('dtype', ['f64', 'f32', 'f16', 'bf16']),
      accept: args.texts('accept'),
      onCause: (done, total) => status.progress('testing causes', done, total, 'causes'),
      onPoint: (point) => {
        if (listing) process.stdout.write(`${pointLine(point)}\n`);
        if (point.judged && !point.explained && !args.flag('all')) listing = false;
      },
    });
    status.clear();
    const html = args.text('html');
    if (html !== undefined) await writeText(html, reportHtml(report, tokenTexts(checkpoint, report.ids)));
    await print(asJson ? `${JSON.stringify(reportJson(report))}\n` : `\n${verdictText(report)}\n`);
    process.exitCode = EXIT[report.verdict];
  } finally {
    await checkpoint?.close();
  }
}

/** Files of gradients (smollm2 grads) are compared by themselves; false when the reference is none. */
async function diffOfGradients(args: Arguments): Promise<boolean> {
  if (!args.words.every((path) => path.endsWith('.safetensors'))) return false;
  const files: SafetensorsFile[] = [];
  try {
    for (const path of args.words) files.push(await SafetensorsFile.open(await fileSource(path)));
    if (!holdsGradients(files[0])) return false;
    const report = await diffGradients(files[0], files[1]);
    const lines = report.parameters.map(
      ({ name, difference, isRight }) => `${isRight ? ' ' : '✗'} ${difference.toExponential(2)}  ${name}`,
    );
    const shown =
      args.flag('all') || !report.firstWrong ? lines : lines.filter((line) => line.startsWith('✗'));
    if (args.flag('json')) await print(`${JSON.stringify(report)}\n`);
    else await print(`${shown.join('\n')}\n\n${report.verdict}\n`);
    process.exitCode = report.firstWrong ? EXIT.wrong : EXIT.right;
    return true;
  } finally {
    for (const file of files) await file.close();
  }
}

async function openTrace(path: string) {
  const source = await fileSource(path);
  try {
    return await readTrace(source);
  } finally {
    await source.close?.();
  }
}

/** The model given by `--model`, or the one that the reference trace names, if it is still there. */
async function openWeights(
  args: Arguments,
  traced: string | undefined,
  status: Status,
): Promise<Checkpoint | undefined> {
  if (args.text('model') !== undefined) return openModelFile(args, status, interruptSignal());
  const isThere =
    traced !== undefined &&
    (await access(traced).then(
      () => true,
      () => false,
    ));
  if (isThere) return openNode(traced);
  status.note(
    'diff: no --model, and the reference names none that is here: matrices are judged by the traces alone',
  );
  return undefined;
}

function tokenTexts(checkpoint: Checkpoint | undefined, ids: readonly number[] | undefined) {
  if (!checkpoint?.tokenizer || !ids) return undefined;
  const tokenizer = Tokenizer.from(checkpoint.tokenizer);
  return ids.map((id) => tokenizer.decode([id]));
}
