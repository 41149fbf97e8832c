// Training's platform in browsers; apart from platform.ts, so that a page that only talks to a model loads none of it.

import { UnavailableError } from '../base/errors.ts';
import type { TrainingPlatform } from '../run/training-team.ts';
import { newMember } from './page-members.ts';
import { hasSharedMemory, startedWorker, webPlatform } from './platform.ts';

// Written out one by one, so that bundlers see the files.
const URLS = {
  training: () => new URL('../wasm/training.wasm', import.meta.url),
  'training-single': () => new URL('../wasm/training-single.wasm', import.meta.url),
};

export const webTrainingPlatform: TrainingPlatform = {
  loadModule: async (build) => {
    const url = URLS[build]();
    const response = await fetch(url);
    if (!response.ok) throw new UnavailableError(`${url}: expected status 200, got ${response.status}`);
    return WebAssembly.compile(await response.arrayBuffer());
  },
  ...(hasSharedMemory &&
    typeof Worker !== 'undefined' && {
      spawn: (listener) => startedWorker(newMember(startTrainingWorker), listener),
    }),
  defaultThreads: webPlatform.defaultThreads,
};

export function startTrainingWorker(): Worker {
  return new Worker(new URL('./training-worker.js', import.meta.url), { type: 'module', name: 'smollm2' });
}
