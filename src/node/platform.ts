// The WASM engine's platform in Node, Deno and Bun: kernels from files, workers from worker_threads.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type TeamListener, type TeamWorker, threadsFor, type WasmPlatform } from '../wasm/platform.ts';

/** The built package: this file is in dist/runtime, or in src/runtime where tests run the sources. */
export const dist = new URL(import.meta.url.endsWith('.ts') ? '../../dist/' : '../', import.meta.url);

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** dist/wasm/NAME.wasm, compiled once for the process. */
export function wasmModule(name: string): Promise<WebAssembly.Module> {
  const known = modules.get(name) ?? readFile(new URL(`wasm/${name}.wasm`, dist)).then(compile);
  modules.set(name, known);
  return known;
}

export const nodePlatform: WasmPlatform = {
  loadModule: wasmModule,
  spawn: (listener) => spawnWorker('team-worker', listener),
  defaultThreads: threadsFor(availableParallelism()),
};

function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  return WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
}

/** @param script of this folder, without its ending */
export function spawnWorker(script: string, { onMessage, onEnd }: TeamListener): TeamWorker {
  const worker = new Worker(new URL(`node/${script}.js`, dist), { name: 'smollm2' });
  worker.on('message', onMessage);
  worker.on('error', (error: Error) => onEnd(error.message));
  worker.on('exit', (code) => onEnd(`exit code ${code}`));
  worker.unref();
  return {
    postMessage: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
    hold: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
  };
}
