// Entry of a thread that takes an ablation's trainings, one after the other.

import { parentPort, workerData } from 'node:worker_threads';
import type { ByteTexts } from './byte-texts.ts';
import { type SmallModel, type SmallTraining, trainSmall } from './small-training.ts';

/** What a thread is started with; texts lie in shared memory. */
export interface AblationSetup {
  readonly model: SmallModel;
  readonly sources: readonly ByteTexts[];
  readonly domains: readonly ByteTexts[];
}

const { model, sources, domains } = workerData as AblationSetup;

parentPort?.on('message', async (training: SmallTraining) => {
  try {
    parentPort?.postMessage({ bits: await trainSmall(training, model, sources, domains) });
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error : new Error(String(error)) });
  }
});
