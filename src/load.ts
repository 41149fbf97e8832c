// From a checkpoint to a running model: the one place that picks an engine.

import { UnsupportedError } from './base/errors.ts';
import type { Checkpoint } from './format/checkpoint.ts';
import { LocalModel } from './model/local-model.ts';
import type { Model } from './model/model.ts';
import { loadWeights } from './model/weights.ts';
import { ReferenceEngine } from './reference/index.ts';

export interface LoadOptions {
  /** `wasm` (default) is fast; `reference` computes in float64 and is the oracle. */
  engine?: 'reference' | 'wasm';
  /** Positions that a cache may hold at most; the model's own limit by default. */
  maxSeqLen?: number;
  /** Called as weights arrive, with bytes loaded so far and in all. */
  onProgress?: (bytesLoaded: number, bytesTotal: number) => void;
}

/**
 * Loads the weights of a checkpoint into an engine. The checkpoint may be closed afterwards.
 *
 * @throws RangeError when maxSeqLen is over the model's limit
 */
export async function loadModel(checkpoint: Checkpoint, options: LoadOptions = {}): Promise<Model> {
  const { config, tensors } = checkpoint;
  const { engine: engineName = 'reference', maxSeqLen = config.maxSeqLen, onProgress } = options;
  if (!(Number.isInteger(maxSeqLen) && maxSeqLen >= 1 && maxSeqLen <= config.maxSeqLen)) {
    throw new RangeError(`maxSeqLen: expected 1 to ${config.maxSeqLen} positions, got ${maxSeqLen}`);
  }
  let total = 0;
  for (const tensor of tensors.values()) total += tensor.byteLength;
  let loaded = 0;
  const onBytes = (bytes: number) => onProgress?.((loaded += bytes), total);
  if (engineName === 'wasm') throw new UnsupportedError('engine wasm: not built yet');
  const engine = new ReferenceEngine();
  const weights = await loadWeights(engine, config, tensors, onBytes);
  return new LocalModel(engine, config, weights, maxSeqLen);
}
