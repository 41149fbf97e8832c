// `smollm2 curate RECIPE --in GLOB --out DIR`: a recipe over files.

import { availableParallelism } from 'node:os';
import { phaseList } from '../data/pipeline/recipe.ts';
import { type Report, reportMarkdown, warningsOf, whole } from '../data/pipeline/report.ts';
import { inputFiles } from '../node/curate/input-files.ts';
import { makePhases, readRecipeFile } from '../node/curate/recipe-file.ts';
import { type RunProgress, runRank } from '../node/curate/run.ts';
import { type Arguments, UsageError } from './arguments.ts';
import { print, Status } from './terminal.ts';

export async function runRecipe(args: Arguments, recipePath: string): Promise<void> {
  const inputs = args.texts('in');
  if (inputs.length === 0) throw new UsageError('--in: expected files, a glob, a folder or - for stdin');
  const world = args.count('world') ?? 1;
  const rank = args.count('rank', 0) ?? 0;
  if (rank >= world) throw new UsageError(`--rank: expected less than --world ${world}, got ${rank}`);
  const threads = args.threads() ?? 1;
  if (threads > 4 * availableParallelism()) {
    throw new UsageError(`--threads: expected at most ${4 * availableParallelism()} here, got ${threads}`);
  }
  if (args.flag('dryRun')) return dryRun(recipePath, inputs, rank, world);
  const folder = args.text('out');
  if (folder === undefined)
    throw new UsageError('--out: expected a folder for what stays, what goes and why');
  const status = new Status();
  const limit = args.count('limit') ?? Number.POSITIVE_INFINITY;
  const onProgress = progressLine(status);
  const { report, waitsFor, phase } = {
    phase: 0,
    ...(await runRank({ recipePath, inputs, folder, rank, world, threads, limit, onProgress }).finally(() =>
      status.clear(),
    )),
  };
  if (!report) {
    const what = phase === 0 ? 'the report' : `phase ${phase + 1}`;
    return status.note(
      `rank ${rank} is done so far; ${what} waits for ranks ${waitsFor?.join(', ')}: run again then`,
    );
  }
  await showReport(args, report, folder, status);
}

async function showReport(args: Arguments, report: Report, folder: string, status: Status): Promise<void> {
  if (args.flag('json')) await print(`${JSON.stringify(report)}\n`);
  else await print(reportMarkdown(report));
  for (const warning of warningsOf(report)) status.note(`curate: ${warning}`);
  status.note(`${folder}: output, removed, report.html, report.md, report.json, README.md`);
}

async function dryRun(
  recipePath: string,
  inputs: readonly string[],
  rank: number,
  world: number,
): Promise<void> {
  const recipe = await readRecipeFile(recipePath);
  const phases = await makePhases(recipe);
  const files = await inputFiles(inputs);
  const mine = files.filter((_, i) => i % world === rank);
  const lines = [
    `recipe ${recipe.name}, ${recipe.format}; rank ${rank} of ${world} reads ${mine.length} of ${files.length} files`,
    ...mine.slice(0, 10).map((file) => `  ${file}`),
    ...(mine.length > 10 ? [`  and ${mine.length - 10} more`] : []),
    ...phaseList(phases).map((phase, i) => `phase ${i + 1}: ${phase.join(' → ')}`),
  ];
  await print(`${lines.join('\n')}\nnothing was read or written\n`);
}

/** Documents, and how long it will take at the pace so far. */
function progressLine(status: Status): (progress: RunProgress) => void {
  let start = Date.now();
  let current = -1;
  return ({ phase, numPhases, numDocuments, bytes, totalBytes }) => {
    if (phase !== current) start = Date.now();
    current = phase;
    const share = totalBytes ? bytes / totalBytes : 0;
    const left = share > 0.02 ? ((Date.now() - start) / 1000) * (1 / share - 1) : undefined;
    const time = left === undefined ? '' : `, ${timeText(left)} left`;
    const part = numPhases > 1 ? ` ${phase + 1} of ${numPhases}` : '';
    status.progress(`curate${part}: ${whole(numDocuments)} documents${time}`, bytes, totalBytes);
  };
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
