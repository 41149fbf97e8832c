// `smollm2 mix`: a training mixture from sources by rates.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { readMixRecipe } from '../data/mixture/mix-recipe.ts';
import { percent, whole } from '../data/pipeline/report.ts';
import { type MixReport, mix } from '../node/curate/mix.ts';
import { writeText } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { print, Status } from './terminal.ts';

export const mixCommand = new Command('mix <recipe>', 'Draw a training mixture from sources by rates')
  .option('--out <folder>', 'mixture.jsonl.gz, mixed by shares from beginning to end, and mixture.json')
  .option('--json', 'print what was drawn as JSON')
  .example('$ smollm2 mix recipes/mix/stage-4.yaml --out mixture')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [path] = args.words;
  const folder = args.text('out');
  if (folder === undefined) throw new UsageError('--out: expected a folder for the mixture');
  const report = await mix(readMixRecipe(await parsedFile(path), path), folder);
  await writeText(join(folder, 'mixture.json'), `${JSON.stringify(report, null, 1)}\n`);
  await print(args.flag('json') ? `${JSON.stringify(report)}\n` : tableOf(report));
  const status = new Status();
  for (const { name, isLimited, epochs, wanted, size } of report.sources) {
    if (!isLimited) continue;
    const asked = (wanted / size).toFixed(1);
    status.note(`${name}: ${asked} epochs were asked for, ${epochs.toFixed(1)} are drawn (maxEpochs)`);
  }
}

async function parsedFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UnavailableError(
      `${path}: expected a mixture that can be read, got ${(error as Error).message}`,
    );
  }
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new FormatError(`expected yaml: ${(error as Error).message.split('\n')[0]}`, { file: path });
  }
}

function tableOf({ unit, sources, numDocuments }: MixReport): string {
  const rows = sources.map(
    ({ name, size, written, epochs, share, numDocuments: count }) =>
      `| ${name} | ${whole(size)} | ${epochs.toFixed(2)} | ${whole(count)} | ` +
      `${whole(written)} | ${percent(share, 1)} |`,
  );
  const head = `| source | ${unit} | epochs | documents drawn | ${unit} drawn | share |`;
  return `${head}\n| --- | --: | --: | --: | --: | --: |\n${rows.join('\n')}\n\n${whole(numDocuments)} documents\n`;
}
