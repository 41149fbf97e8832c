// From a checkpoint to a running model: the one place that picks an engine.

import { OutOfMemoryError, UnsupportedError } from '../base/errors.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { Model } from '../model/model.ts';
import { makeNetwork } from '../model/pass.ts';
import { loadWeights } from '../model/weights.ts';
import { WasmEngine } from '../wasm/engine.ts';
import type { Build, WasmPlatform } from '../wasm/platform.ts';
import { Team } from '../wasm/team.ts';
import type { LoadOptions } from './load-options.ts';
import { LoadedModel, modelHere } from './loaded-model.ts';
import { fitModel, SCRIPT_BYTES } from './plan.ts';

export type { LoadOptions } from './load-options.ts';

/**
 * Loads the weights of a checkpoint into an engine. The checkpoint may be closed afterwards.
 *
 * @param platform where kernels and workers come from: platform.ts of src/node, src/browser or src/edge
 * @param options  as the doors have checked them
 * @throws RangeError       when maxSeqLen is over the model's limit
 * @throws OutOfMemoryError when the weights do not fit, with the plan of the memory
 */
export async function loadModel(
  checkpoint: Checkpoint,
  options: LoadOptions = {},
  platform?: WasmPlatform,
): Promise<Model> {
  const { config, tensors } = checkpoint;
  const { engine: engineName = 'wasm', maxSeqLen = config.maxSeqLen, onProgress } = options;
  if (maxSeqLen > config.maxSeqLen) {
    throw new RangeError(`maxSeqLen: expected 1 to ${config.maxSeqLen} positions, got ${maxSeqLen}`);
  }
  let total = 0;
  for (const tensor of tensors.values()) total += tensor.byteLength;
  let loaded = 0;
  const onBytes = (bytes: number) => onProgress?.((loaded += bytes), total);
  if (engineName === 'reference') {
    // Of its own: whoever only runs the fast engine need not fetch it.
    const { ReferenceEngine } = await import('../reference/index.ts');
    const engine = new ReferenceEngine();
    const weights = await loadWeights(engine, config, tensors, onBytes);
    return modelHere(engine, config, weights, maxSeqLen, REFERENCE_ROWS);
  }
  if (!platform) throw new UnsupportedError('engine wasm: expected a platform, got none; use load()');
  return loadWasm(checkpoint, options, platform, maxSeqLen, onBytes);
}

/** Rows per pass of the reference: as fast as 128 (measured: 25 s for 128 rows either way), and a signal is heard. */
export const REFERENCE_ROWS = 16;

async function loadWasm(
  { config, tensors }: Checkpoint,
  options: LoadOptions,
  platform: WasmPlatform,
  maxSeqLen: number,
  onBytes: (bytes: number) => void,
): Promise<Model> {
  const { precision = 'fast', cacheType = 'f32', relaxed = false, maxMemory } = options;
  const threads = platform.spawn ? (options.threads ?? platform.defaultThreads) : 1;
  const isShared = platform.spawn !== undefined;
  const build: Build = `${relaxed ? 'relaxed' : 'strict'}${isShared ? '' : '-single'}`;
  const module = await platform.loadModule(build).catch((cause) => {
    if (!relaxed || !(cause instanceof WebAssembly.CompileError)) throw cause;
    throw new UnsupportedError('relaxed: this runtime has no relaxed SIMD; leave the option out');
  });
  const planned = { maxSeqLen, cacheType, threads };
  const { rowsPerPass } = fitModel(config, tensors.values(), planned, maxMemory);
  const memory = makeMemory(isShared, maxMemory);
  const { headDim } = config;
  const engine = new WasmEngine({ module, memory, precision, cacheType, headDim, maxRows: rowsPerPass });
  const weights = await loadWeights(engine, config, tensors, onBytes);
  engine.endLoading();
  if (!isShared) return modelHere(engine, config, weights, maxSeqLen, rowsPerPass);
  const network = makeNetwork(engine, config, weights, maxSeqLen, rowsPerPass);
  return new LoadedModel(engine, network, new Team(platform, engine, network, threads));
}

/** Address space for the largest memory that the runtime grants; it is filled as it is needed. */
export function makeMemory(shared: boolean, maxMemory = Number.POSITIVE_INFINITY): WebAssembly.Memory {
  const allowed = Math.floor((maxMemory - SCRIPT_BYTES) / 65536);
  for (const pages of [65536, 49152, 32768, 16384]) {
    const maximum = Math.min(pages, allowed);
    try {
      return new WebAssembly.Memory({ initial: 64, maximum, shared });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new OutOfMemoryError('memory: expected room for 1 GB of addresses, got none', '');
}
