// The WASM engine's platform in browsers: kernels by fetch, Web Workers where the page is cross-origin isolated.

import { UnavailableError } from '../base/errors.ts';
import {
  type Build,
  type TeamListener,
  type TeamWorker,
  threadsFor,
  type WasmPlatform,
} from '../wasm/platform.ts';

// Written out one by one, so that bundlers see the files.
const URLS: Readonly<Record<Build, () => URL>> = {
  strict: () => new URL('../wasm/strict.wasm', import.meta.url),
  'strict-single': () => new URL('../wasm/strict-single.wasm', import.meta.url),
  relaxed: () => new URL('../wasm/relaxed.wasm', import.meta.url),
  'relaxed-single': () => new URL('../wasm/relaxed-single.wasm', import.meta.url),
};

const hasSharedMemory = typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated !== false;

export const webPlatform: WasmPlatform = {
  loadModule: async (build) => {
    const url = URLS[build]();
    const response = await fetch(url);
    if (!response.ok) throw new UnavailableError(`${url}: expected status 200, got ${response.status}`);
    return WebAssembly.compile(await response.arrayBuffer());
  },
  ...(hasSharedMemory && typeof Worker !== 'undefined' && { spawn }),
  defaultThreads: threadsFor(globalThis.navigator?.hardwareConcurrency ?? 1),
};

function spawn({ onMessage, onEnd }: TeamListener): TeamWorker {
  const worker = new Worker(new URL('./team-worker-web.js', import.meta.url), {
    type: 'module',
    name: 'smollm2',
  });
  worker.onmessage = ({ data: message }) => onMessage(message);
  worker.onerror = (event) => onEnd(event.message || 'an error');
  return worker;
}
