// Entry of a thread that runs blocks through the phases of a recipe.

import { parentPort, workerData } from 'node:worker_threads';
import { emptyTallies, type Phase, runBlock } from '../../data/pipeline/block.ts';
import type { Tally } from '../../data/pipeline/tally.ts';
import { buffersOf, decodedBlock, type ReadBlock, writtenBlock } from './block-bytes.ts';
import { makePhases, readRecipeFile } from './recipe-file.ts';

/** What a thread is started with, and what it is sent: a block, or the question what it has counted. */
export interface WorkerSetup {
  readonly recipePath: string;
}
export interface WorkerJob {
  readonly id: number;
  readonly phase: number;
  readonly block: ReadBlock | undefined;
}

const { recipePath } = workerData as WorkerSetup;
const phases = readRecipeFile(recipePath).then(makePhases);
const counted = new Map<number, Tally[]>();

parentPort?.on('message', async ({ id, phase: number, block }: WorkerJob) => {
  try {
    const phase = (await phases)[number];
    const tallies = talliesOf(number, phase);
    if (block === undefined) {
      parentPort?.postMessage({ id, result: tallies });
      return;
    }
    const ran = runBlock(decodedBlock(block), phase, tallies, () => performance.now());
    const result = writtenBlock(ran, block.numRows);
    parentPort?.postMessage({ id, result }, buffersOf(result));
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error : new Error(String(error)) });
  }
});

function talliesOf(number: number, phase: Phase): Tally[] {
  const tallies = counted.get(number) ?? emptyTallies(phase);
  counted.set(number, tallies);
  return tallies;
}
