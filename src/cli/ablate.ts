// `smollm2 ablate`: is there a better mixture? Small trainings decide, and "no change" is an answer.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { readAblationRecipe } from '../data/ablate/recipe.ts';
import { ablationHtml, ablationMarkdown, decisionText, reasonsFor } from '../data/ablate/report.ts';
import { readMixRecipe } from '../data/mixture/mix-recipe.ts';
import { ablate } from '../node/curate/ablate.ts';
import { makeFolder, writeText } from '../node/write-file.ts';
import { type Arguments, Command, UsageError } from './arguments.ts';
import { print, Status } from './terminal.ts';

export const ablateCommand = new Command(
  'ablate <recipe>',
  'Better the rates of a mixture by small trainings',
)
  .option('--out <folder>', 'report.md, report.html, decision.json, before.yaml, next.yaml, runs.jsonl')
  .option('--threads <n>', 'trainings side by side (default: cores)')
  .option('--json', 'print the decision as JSON')
  .example('$ smollm2 ablate recipes/mix/stage-1.yaml --out ablation')
  .onRun(run);

async function run(args: Arguments): Promise<void> {
  const [path] = args.words;
  const folder = args.text('out');
  if (folder === undefined) throw new UsageError('--out: expected a folder for the report');
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UnavailableError(`${path}: expected a recipe that can be read, got ${error.message}`);
  });
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault) throw new FormatError(`expected yaml: ${fault.message.split('\n')[0]}`, { file: path });
  const parsed = document.toJS({ maxAliasCount: 100 });
  const mix = readMixRecipe(parsed, path);
  const recipe = readAblationRecipe(parsed.ablate, mix, path);
  const threads = args.threads() ?? availableParallelism();
  makeFolder(folder);
  const status = new Status();
  const start = Date.now();
  const outcome = await ablate(mix, recipe, {
    threads,
    folder,
    onRun: (done, total) => {
      const left = ((Date.now() - start) / done) * (total - done);
      status.progress(`ablate (${Math.ceil(left / 1000)} s left)`, done, total, 'trainings');
    },
  });
  mix.sources.forEach(({ name }, i) => {
    document.setIn(['sources', name, 'rate'], Number(outcome.rates[i].toFixed(4)));
  });
  const { design, found, proposal, verdict, rates } = outcome;
  const decision = {
    decision: decisionText(outcome),
    isChanged: verdict?.isAccepted ?? false,
    before: byName(design.sources, found.means[0].rates),
    next: byName(design.sources, rates),
    ...(proposal && { proposal: byName(design.sources, proposal.rates), forecast: proposal.forecast }),
    ...(verdict && {
      gain: verdict.gain,
      spread: verdict.spread,
      gains: byName(design.domains, verdict.gains),
    }),
    noise: found.noise,
    leaveOneOut: found.regression.leaveOneOut,
    reasons: reasonsFor(outcome),
    seconds: (Date.now() - start) / 1000,
  };
  const markdown = ablationMarkdown(outcome);
  await writeText(join(folder, 'report.md'), markdown);
  await writeText(join(folder, 'report.html'), ablationHtml(outcome));
  await writeText(join(folder, 'decision.json'), `${JSON.stringify(decision, null, 1)}\n`);
  // The way back: what was there before, byte for byte.
  await writeText(join(folder, 'before.yaml'), text);
  await writeText(join(folder, 'next.yaml'), verdict?.isAccepted ? document.toString() : text);
  await print(args.flag('json') ? `${JSON.stringify(decision)}\n` : markdown);
  status.note(`${folder}: report.html, report.md, decision.json, before.yaml, next.yaml, runs.jsonl`);
}

function byName(names: readonly string[], values: readonly number[]): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}
