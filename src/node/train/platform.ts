// Training's platform in Node, Deno and Bun.

import { readFile } from 'node:fs/promises';
import type { TrainingPlatform } from '../../run/training-team.ts';
import { dist, nodePlatform, spawnWorker } from '../platform.ts';

export const nodeTrainingPlatform: TrainingPlatform = {
  loadModule: async (build) => {
    const bytes = await readFile(new URL(`wasm/${build}.wasm`, dist));
    return WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  },
  spawn: (listener) => spawnWorker('training-worker', listener),
  defaultThreads: nodePlatform.defaultThreads,
  isWide: [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) =>
    option.includes('--experimental-wasm-revectorize'),
  ),
};
