// The real weights for the slow tests: SmolLM2-135M-Instruct in Q4_1, found or fetched once by the global set-up.

import { inject } from 'vitest';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { readGguf } from '../../src/format/gguf.ts';
import type { Model } from '../../src/model/model.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { type LoadOptions, loadModel } from '../../src/run/load.ts';
import type { WasmPlatform } from '../../src/wasm/platform.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the real GGUF file; empty where it could not be had outside CI. */
    weights: string;
  }
}

/** Path of the file; throws where the set-up could not get it. */
export function realWeights(): string {
  const path = inject('weights');
  if (!path) throw new Error('the real weights are not here: see the first lines of this run');
  return path;
}

export async function realCheckpoint(): Promise<Checkpoint> {
  return readGguf(await fileSource(realWeights()));
}

/** The model, loaded, its file closed. */
export async function realModel(
  options: LoadOptions = { engine: 'reference' },
  platform?: WasmPlatform,
): Promise<Model> {
  const checkpoint = await realCheckpoint();
  try {
    return await loadModel(checkpoint, options, platform);
  } finally {
    await checkpoint.close();
  }
}
