// Training's platform in Node, Deno and Bun.

import type { TrainingPlatform } from '../../run/training-team.ts';
import { nodePlatform, spawnWorker, wasmModule } from '../platform.ts';

export const nodeTrainingPlatform: TrainingPlatform = {
  loadModule: wasmModule,
  spawn: (listener) => spawnWorker('training-worker', listener),
  defaultThreads: nodePlatform.defaultThreads,
  isWide: [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) =>
    option.includes('--experimental-wasm-revectorize'),
  ),
};
