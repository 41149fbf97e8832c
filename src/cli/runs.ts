// `smollm2 runs`: the runs of training below a folder in a table, or as one page where their curves lie on each other.

import { findRuns } from '../node/train/find-runs.ts';
import { makeFolderOf, writeFileWhole } from '../node/write-file.ts';
import { lastOf, runReport } from '../train/run-report.ts';
import { type Arguments, Command } from './arguments.ts';
import { print, Status } from './terminal.ts';

export const runsCommand = new Command(
  'runs [...folders]',
  'List runs of training, or compare them in a page',
)
  .option('--html <file>', 'write a page with the curves of all of them')
  .option('--json', 'one line of JSON a run')
  .example('$ smollm2 runs runs')
  .example('$ smollm2 runs runs/nano runs/nano-wide --html compare.html')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const folders = args.words.length > 0 ? args.words : ['runs'];
  const runs = (await Promise.all(folders.map(findRuns))).flat();
  const html = args.text('html');
  if (html !== undefined) {
    makeFolderOf(html);
    await writeFileWhole(html, pieces(runReport(runs)));
    new Status().note(`${html}: ${runs.length} runs`);
  }
  const rows = runs.map((one) => ({ ...one, ...lastOf(one) }));
  if (args.flag('json')) {
    for (const { folder, step, totalSteps, loss, best, bits, lossHash, changed } of rows) {
      await print(`${JSON.stringify({ folder, step, totalSteps, loss, best, bits, lossHash, changed })}\n`);
    }
    return;
  }
  const number = (value: number | undefined) => (value === undefined ? '' : value.toFixed(4));
  const cells = rows.map(({ folder, step, totalSteps, loss, best, bits, lossHash, changed }) => [
    folder,
    totalSteps === undefined ? `${step}` : `${step}/${totalSteps}`,
    ...[loss, best, bits].map(number),
    lossHash ?? '',
    changed.toISOString().slice(0, 16).replace('T', ' '),
  ]);
  const table = [['run', 'steps', 'loss', 'best held out', 'bits/byte', 'loss hash', 'changed'], ...cells];
  const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
  await print(
    table
      .map(
        (row) =>
          `${row
            .map((cell, i) => cell.padEnd(widths[i]))
            .join('  ')
            .trimEnd()}\n`,
      )
      .join(''),
  );
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
