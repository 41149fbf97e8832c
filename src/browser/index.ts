// The door of the package in browsers. On a page the model runs in a worker of its own, so the page never waits; in
// a worker it runs right there. Weights are kept in the browser's storage between visits.

import { EngineError } from '../base/errors.ts';
import { callback, checkOptions, flag, type Rules } from '../base/options.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { Model } from '../model/model.ts';
import { type LoadOptions, loadModel as loadOn } from '../run/load.ts';
import { DOWNLOAD_RULES, LOAD_RULES, SHA256_RULE } from '../run/load-options.ts';
import { bind, type SmolLM2 } from '../smollm2.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import { type BrowserLoadOptions, isShards, loadHere, openRemote } from './load-here.ts';
import type { RemoteSource } from './model-messages.ts';
import { startTeamWorker, webPlatform } from './platform.ts';
import { RemoteModel, WorkerCalls, workerTrouble } from './remote-model.ts';

export { type Capabilities, type Capability, capabilities } from '../capabilities.ts';
export * from '../door.ts';
export type { BrowserLoadOptions } from './load-here.ts';
export { type CachedWeights, deleteWeights, listWeights, storageQuota } from './weights-cache.ts';

const BROWSER_LOAD_RULES: Rules<BrowserLoadOptions> = {
  ...LOAD_RULES,
  ...DOWNLOAD_RULES,
  worker: callback,
  cache: flag,
  sha256: SHA256_RULE,
};

/**
 * Loads a model with its tokenizer and chat template.
 *
 * @param source address of a `.gguf` file or of a manifest of parts, a File that the visitor picked, or bytes
 *
 * @example
 * const smol = await load('/models/SmolLM2-135M-Instruct.Q4_1.gguf');
 * for await (const token of smol.chat('What is gravity?')) answer.append(token.text);
 */
export async function load(
  source: string | URL | Blob | Uint8Array | ArrayBuffer,
  options: BrowserLoadOptions = {},
): Promise<SmolLM2> {
  checkOptions('load()', options, BROWSER_LOAD_RULES);
  options.signal?.throwIfAborted();
  const remote = toRemote(source);
  if ('document' in globalThis) return loadInWorker(remote, options);
  const { model, checkpoint } = await loadHere(remote, options, platformFor(options));
  return bind(model, checkpoint);
}

/**
 * Loads the weights of an open checkpoint into an engine, without tokenizer or template, in the calling
 * thread; the checkpoint may be closed afterwards.
 *
 * @throws RangeError       when an option is out of range
 * @throws OutOfMemoryError when the weights do not fit, with the plan of the memory
 */
export function loadModel(checkpoint: Checkpoint, options: LoadOptions = {}): Promise<Model> {
  return loadOn(checkpoint, checkOptions('loadModel()', options, LOAD_RULES), platformFor(options));
}

/** A worker of the caller's may compute itself: one thread more would start later and run no faster. */
function platformFor({ threads }: LoadOptions): WasmPlatform {
  return threads === 1 && !('document' in globalThis) ? { ...webPlatform, spawn: undefined } : webPlatform;
}

function toRemote(source: string | URL | Blob | Uint8Array | ArrayBuffer): RemoteSource {
  if (typeof source === 'string' && /^(135m|360m|1\.7b)(-instruct|-base)?$/.test(source)) {
    throw new RangeError(
      `source: expected the address of a .gguf file or of a manifest, got the name ${source}; ` +
        'a page has no hub client, so put the file on a server of yours',
    );
  }
  if (typeof source === 'string' || source instanceof URL) return new URL(source, location.href).href;
  return source instanceof Blob ? source : new Blob([source as Uint8Array<ArrayBuffer>]);
}

/** The model's worker: the caller's, or the script beside this one. */
function startWorker(own: BrowserLoadOptions['worker']): Worker {
  if (own) return own();
  try {
    return new Worker(new URL('./model-worker.js', import.meta.url), { type: 'module' });
  } catch (cause) {
    throw new EngineError(workerTrouble((cause as Error).message));
  }
}

async function loadInWorker(source: RemoteSource, options: BrowserLoadOptions): Promise<SmolLM2> {
  const { onProgress, onDownload, signal, worker, ...rest } = options;
  // Whoever starts the worker for a bundler has no script of a team beside the page's.
  const calls = new WorkerCalls(startWorker(worker), worker ? undefined : startTeamWorker);
  try {
    const { loaded } = await calls.send(
      { name: 'load', source, options: rest },
      {
        signal,
        onProgress: (done, total, phase) =>
          phase === 'download' ? onDownload?.(done, total || undefined) : onProgress?.(done, total),
      },
    );
    if (!loaded) throw new EngineError('worker: expected a loaded model, got none');
    // The page reads what the worker has stored; shards it finds in the store itself, by their addresses.
    const cache = isShards(loaded.file) ? rest.cache : false;
    const { checkpoint } = await openRemote(loaded.file, { ...rest, cache });
    return bind(new RemoteModel(calls, loaded), checkpoint);
  } catch (error) {
    calls.fail(error as Error);
    throw error;
  }
}
