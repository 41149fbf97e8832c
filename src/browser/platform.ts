// The WASM engine's platform in browsers: kernels by fetch, Web Workers where the page is cross-origin isolated.

import { UnavailableError } from '../base/errors.ts';
import {
  type Build,
  type TeamListener,
  type TeamWorker,
  threadsFor,
  type WasmPlatform,
} from '../wasm/platform.ts';
import { type AnyWorker, endWorker, holdWorker } from './held-worker.ts';
import { newMember, WORKER_READY } from './page-members.ts';

// Written out one by one, so that bundlers see the files.
const URLS: Readonly<Record<Build, () => URL>> = {
  strict: () => new URL('../wasm/strict.wasm', import.meta.url),
  'strict-single': () => new URL('../wasm/strict-single.wasm', import.meta.url),
  relaxed: () => new URL('../wasm/relaxed.wasm', import.meta.url),
  'relaxed-single': () => new URL('../wasm/relaxed-single.wasm', import.meta.url),
};

export const hasSharedMemory =
  typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated !== false;

export const webPlatform: WasmPlatform = {
  loadModule: async (build) => {
    const url = URLS[build]();
    const response = await fetch(url);
    if (!response.ok) throw new UnavailableError(`${url}: expected status 200, got ${response.status}`);
    return WebAssembly.compile(await response.arrayBuffer());
  },
  ...(hasSharedMemory &&
    typeof Worker !== 'undefined' && {
      spawn: (listener) => startedWorker(newMember(startTeamWorker), listener),
    }),
  defaultThreads: threadsFor(globalThis.navigator?.hardwareConcurrency ?? 1),
};

/** Fulfilled when every worker started so far has loaded its script. */
let allReady: Promise<unknown> = Promise.resolve();

/** Used on a page for a model's worker, and where nobody else starts a team. */
export function startTeamWorker(): Worker {
  return new Worker(new URL('./team-worker.js', import.meta.url), { type: 'module', name: 'smollm2' });
}

/** A worker that says WORKER_READY when its script is loaded. */
export function startedWorker(worker: AnyWorker, { onMessage, onEnd }: TeamListener): TeamWorker {
  let beReady = () => {};
  let hasStarted = false;
  const isReady = new Promise<void>((resolve) => {
    beReady = resolve;
  });
  holdWorker(worker);
  worker.onmessage = ({ data: message }) => {
    if (message !== WORKER_READY) return onMessage(message);
    hasStarted = true;
    beReady();
  };
  worker.onerror = (event) => {
    beReady(); // nobody waits for a worker that will never come
    const what = hasStarted ? 'an error' : 'its script did not start; docs/guides/browser.md, Workers';
    onEnd(event.message || what);
  };
  allReady = Promise.all([allReady, isReady]);
  return {
    // A member's first message sets it to work, and it never gives its thread back. Firefox does not load a worker's
    // script while another one that was started beside it blocks (2 of 5 starts hung): wait until all are there.
    postMessage: async (message) => {
      await Promise.resolve();
      await allReady;
      worker.postMessage(message);
    },
    terminate: () => {
      beReady();
      endWorker(worker);
    },
  };
}
