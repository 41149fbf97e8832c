// The weights of a run's checkpoint as a Checkpoint: what the writers of other formats take.

import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { type Checkpoint, checkTensors } from '../format/checkpoint.ts';
import type { StateTensor } from './training-state.ts';

/** @throws FormatError when the tensors are not those of the config */
export function stateCheckpoint(
  name: string,
  config: ModelConfig,
  weights: readonly StateTensor[],
): Checkpoint {
  const tensors = new Map(weights.map((weight) => [weight.name, memoryTensor(weight)]));
  checkTensors(name, config, tensors);
  return {
    name,
    format: 'safetensors',
    config,
    tensors,
    metadata: {},
    close: async () => undefined,
  };
}

function memoryTensor({ name, shape, values }: StateTensor): Tensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const rowBytes = shape.length < 2 ? bytes.length : bytes.length / shape[0];
  const readRows = async (begin: number, end: number) => bytes.subarray(begin * rowBytes, end * rowBytes);
  return { name, dtype: 'F32', shape, byteLength: bytes.length, readRows };
}
