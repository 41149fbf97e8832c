// The door of the package in workerd (Cloudflare Workers) and runtimes like it: kernels are imported as compiled
// modules, since bytes may not be compiled there at run time; one thread; weights come from bindings.

import { UnavailableError } from '../base/errors.ts';
import { checkOptions } from '../base/options.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { type OpenOptions, type OpenSource, openCheckpoint } from '../format/open.ts';
import { type Fetched, pagedSource } from '../format/parts.ts';
import type { Source } from '../format/source.ts';
import type { Model } from '../model/model.ts';
import { type LoadOptions, loadModel as loadOn } from '../run/load.ts';
import { LOAD_RULES, OPEN_RULES } from '../run/load-options.ts';
import { bind, type SmolLM2 } from '../smollm2.ts';
import { edgePlatform } from './platform.ts';

export { type Capabilities, type Capability, capabilities } from '../capabilities.ts';
export * from '../door.ts';

/**
 * Loads a model with its tokenizer and chat template. A worker's memory is small: choose `maxSeqLen` and `cacheType`.
 *
 * @param source a URL (of a `.gguf` file or a manifest of parts; give the binding's `fetch` for static assets), what
 *               `r2Source` or `partsSource` gave, or bytes
 *
 * @example
 * const smol = await load(new URL('https://assets.local/model.gguf.json'), {
 *   fetch: (input, init) => env.ASSETS.fetch(input, init),
 *   maxSeqLen: 1024,
 *   cacheType: 'q8',
 * });
 */
export async function load(source: OpenSource, options: LoadOptions & OpenOptions = {}): Promise<SmolLM2> {
  checkOptions('load()', options, { ...LOAD_RULES, ...OPEN_RULES });
  // The WASM engine copies what it reads, so nothing of the file needs to outlive its turn.
  const checkpoint = await openCheckpoint(source, {
    ...options,
    isTransient: options.engine !== 'reference',
  });
  try {
    return bind(await loadOn(checkpoint, options, edgePlatform), checkpoint);
  } finally {
    await checkpoint.close();
  }
}

/**
 * Loads the weights of an open checkpoint into an engine, without tokenizer or template; the checkpoint may
 * be closed afterwards.
 *
 * @throws RangeError       when an option is out of range
 * @throws OutOfMemoryError when the weights do not fit, with the plan of the memory
 */
export function loadModel(checkpoint: Checkpoint, options: LoadOptions = {}): Promise<Model> {
  return loadOn(checkpoint, checkOptions('loadModel()', options, LOAD_RULES), edgePlatform);
}

/** The part of an R2 bucket that is used. */
export interface R2Bucket {
  head(key: string): Promise<{ readonly size: number } | null>;
  get(
    key: string,
    options: { range: { offset: number; length: number } },
  ): Promise<Exclude<Fetched, Uint8Array | ArrayBuffer> | null>;
}

/** Bytes of one request to a bucket: 24 requests for the 135M in 4 bits, and 8 MB in memory while it loads. */
const R2_PAGE_BYTES = 2 ** 22;

/**
 * A `.gguf` file in an R2 bucket, read 4 MiB at a time, for the WASM engine.
 *
 * @throws UnavailableError when there is no such object
 */
export async function r2Source(bucket: R2Bucket, key: string): Promise<Source> {
  const missing = () => new UnavailableError(`${key}: expected an object in the bucket, got none`);
  const found = await bucket.head(key);
  if (!found) throw missing();
  const fetchPage = async (offset: number, length: number) => {
    const object = await bucket.get(key, { range: { offset, length } });
    if (!object) throw missing();
    return object;
  };
  return pagedSource(key, found.size, R2_PAGE_BYTES, fetchPage, { isTransient: true });
}
