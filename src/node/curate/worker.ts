// Entry of a thread that runs blocks through the phases of a recipe.

import { parentPort, workerData } from 'node:worker_threads';
import { type Block, runBlock } from '../../data/pipeline/block.ts';
import { makePhases, readRecipeFile } from './recipe-file.ts';

/** What a thread is started with, and what it is sent. */
export interface WorkerSetup {
  readonly recipePath: string;
}
export interface WorkerJob {
  readonly id: number;
  readonly phase: number;
  readonly block: Block;
}

const { recipePath } = workerData as WorkerSetup;
const phases = readRecipeFile(recipePath).then(makePhases);

parentPort?.on('message', async ({ id, phase, block }: WorkerJob) => {
  try {
    const result = runBlock(block, (await phases)[phase], () => performance.now());
    parentPort?.postMessage({ id, result });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error : new Error(String(error)) });
  }
});
