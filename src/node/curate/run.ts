// One rank of a run: its files through every phase, with a marker behind each that it has finished. Files go round the
// ranks by their number; a rank that is started again skips what is marked and does the rest anew. After the last
// phase, whoever finds all markers there writes the report.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { type Phase, READER } from '../../data/pipeline/block.ts';
import { IdTable } from '../../data/pipeline/id-table.ts';
import type { PipelineRecipe } from '../../data/pipeline/recipe.ts';
import type { RankStats, Report } from '../../data/pipeline/report.ts';
import { diskError, makeFolderOf } from '../write-file.ts';
import type { ReadBlock } from './block-bytes.ts';
import { BlockRunner } from './block-runner.ts';
import { groupPhase, keysPath, readTaken } from './group-phase.ts';
import { inputFiles } from './input-files.ts';
import { type Layout, layoutOf, RankOutputs } from './outputs.ts';
import { readBlocks } from './read-blocks.ts';
import { makePhases, readRecipeFile } from './recipe-file.ts';
import { checkPartial, newPartial, type ReadProgress } from './streams.ts';
import { writeReport } from './write-report.ts';

export interface RunOptions {
  readonly recipePath: string;
  readonly inputs: readonly string[];
  readonly folder: string;
  readonly rank: number;
  readonly world: number;
  readonly threads: number;
  /** Documents of this rank at most. */
  readonly limit: number;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  readonly phase: number;
  readonly numPhases: number;
  readonly numDocuments: number;
  readonly bytes: number;
  /** Undefined for stdin. */
  readonly totalBytes: number | undefined;
}

/** The report when all ranks are done; otherwise the ranks that a grouping, or the report, waits for. */
export type RunOutcome =
  | { readonly report: Report; readonly waitsFor?: undefined }
  | { readonly report?: undefined; readonly waitsFor: readonly number[]; readonly phase: number };

/**
 * @throws RangeError for options that do not go together or a folder of another run
 * @throws FormatError, UnavailableError for input that cannot be read
 */
export async function runRank(options: RunOptions): Promise<RunOutcome> {
  const { rank, world, folder, threads } = options;
  if (rank < 0 || rank >= world) throw new RangeError(`rank: expected 0 to ${world - 1}, got ${rank}`);
  const recipe = await readRecipeFile(options.recipePath);
  const phases = await makePhases(recipe);
  const files = await inputFiles(options.inputs);
  if (files.includes('-') && (world > 1 || files.length > 1)) {
    throw new RangeError('-: expected stdin alone, in one rank; ranks share files');
  }
  const layout = layoutOf(folder);
  claimFolder(layout, recipe, files, options);
  const runner = new BlockRunner(phases, options.recipePath, threads);
  try {
    for (let phase = 0; phase < phases.length; phase++) {
      if (existsSync(layout.completion(phase, rank))) continue;
      if (phase > 0) {
        const waitsFor = missingRanks(layout, phase - 1, world);
        if (waitsFor.length > 0) return { waitsFor, phase };
        await groupPhase(layout, phase - 1, world, phases[phase].decides!.grouping);
      }
      await runPhase(runner, phases, phase, files, recipe, layout, options);
    }
  } catch (error) {
    throw diskError(folder, error);
  } finally {
    await runner.close();
  }
  const waitsFor = missingRanks(layout, phases.length - 1, world);
  if (waitsFor.length > 0) return { waitsFor, phase: phases.length };
  const report = await writeReport(layout, recipe, files, world, phases.length);
  await rm(layout.phases, { recursive: true, force: true });
  return { report };
}

/** A folder belongs to one run: the same recipe, files and number of ranks. */
function claimFolder(
  layout: Layout,
  recipe: PipelineRecipe,
  files: readonly string[],
  options: RunOptions,
): void {
  const { world, limit, folder } = options;
  const plan = JSON.stringify(
    { recipe, files, world, limit: Number.isFinite(limit) ? limit : null },
    null,
    1,
  );
  for (const path of [layout.plan, layout.completion(0, 0), layout.stats(0, 0)]) {
    makeFolderOf(path);
  }
  try {
    writeFileSync(layout.plan, plan, { flag: 'wx' });
  } catch (error) {
    if (!existsSync(layout.plan)) throw diskError(layout.plan, error);
    if (readFileSync(layout.plan, 'utf8') === plan) return;
    throw new RangeError(
      `out: expected a new folder, or one of the same run, got ${folder} with another recipe, input, world or limit; ` +
        'choose another or delete it',
    );
  }
}

function missingRanks(layout: Layout, phase: number, world: number): number[] {
  return [...Array(world).keys()].filter((rank) => !existsSync(layout.completion(phase, rank)));
}

async function runPhase(
  runner: BlockRunner,
  phases: readonly Phase[],
  phase: number,
  files: readonly string[],
  recipe: PipelineRecipe,
  layout: Layout,
  options: RunOptions,
): Promise<void> {
  const { rank, world } = options;
  const start = performance.now();
  const mine =
    phase === 0 ? files.filter((_, i) => i % world === rank) : [`${layout.between(phase - 1, rank)}.jsonl`];
  const isLast = phase === phases.length - 1;
  const names = stageNames(phases);
  const before = phases.slice(0, phase).reduce((sum, { stages }) => sum + stages.length + 1, 0);
  const outputs = new RankOutputs(
    isLast ? layout.output(rank) : layout.between(phase, rank),
    isLast ? recipe.format : 'jsonl',
    isLast ? undefined : keysPath(layout, phase, rank),
    (stage) => layout.removed(before + stage, names[before + stage], rank),
  );
  const ids = new IdTable();
  let numDocuments = 0;
  let numRepaired = 0;
  const progress: ReadProgress = { bytes: 0 };
  const totalBytes = await bytesIn(mine);
  const blocks =
    phase === 0
      ? inputBlocks(mine, options.limit, progress)
      : betweenBlocks(mine[0], layout, phase, rank, progress);
  const results = runner.run(blocks, phase);
  let next = await results.next();
  for (; !next.done; next = await results.next()) {
    const block = next.value;
    await outputs.write(block);
    ids.add(block.idHashes);
    numRepaired += block.numRepaired;
    numDocuments += block.numRows;
    options.onProgress?.({
      phase,
      numPhases: phases.length,
      numDocuments,
      bytes: progress.bytes,
      totalBytes,
    });
  }
  await outputs.close();
  const stats: RankStats = {
    phase,
    rank,
    tallies: next.value,
    numRepaired,
    numRepeatedIds: ids.numRepeated,
    numCheckedIds: ids.numChecked,
    seconds: (performance.now() - start) / 1000,
  };
  await writeWhole(layout.stats(phase, rank), JSON.stringify(stats));
  writeFileSync(layout.completion(phase, rank), '');
}

/** The reader and every stage in order, as the report numbers them. */
function stageNames(phases: readonly Phase[]): string[] {
  return phases.flatMap(({ decides, stages }) => [
    decides?.name ?? READER,
    ...stages.map(({ name }) => name),
  ]);
}

async function* inputBlocks(
  files: readonly string[],
  limit: number,
  progress: ReadProgress,
): AsyncGenerator<ReadBlock> {
  let left = limit;
  for (const file of files) {
    for await (const block of readBlocks(file, left, progress)) {
      left -= block.numRows;
      yield block;
    }
  }
}

/** Documents of the phase before, with what the grouping said of them. */
async function* betweenBlocks(
  file: string,
  layout: Layout,
  phase: number,
  rank: number,
  progress: ReadProgress,
): AsyncGenerator<ReadBlock> {
  const taken = await readTaken(layout, phase - 1, rank);
  for await (const block of readBlocks(file, Number.POSITIVE_INFINITY, progress)) {
    const mine = Array.from({ length: block.numRows }, (_, i) => i).flatMap((i) => {
      const keys = taken.get(block.firstRow + i);
      return keys ? [[i, keys] as const] : [];
    });
    yield { ...block, taken: new Map(mine) };
  }
}

async function bytesIn(files: readonly string[]): Promise<number | undefined> {
  if (files.includes('-')) return undefined;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function writeWhole(path: string, text: string): Promise<void> {
  const partial = newPartial(path);
  writeFileSync(partial, text);
  checkPartial(partial, path);
  await rename(partial, path);
}
