// A model in training as a Checkpoint, in memory: what samples are drawn from while it learns.

import type { Tensor } from '../base/tensor.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { expectedTensors } from '../format/expected.ts';
import type { TokenizerSource } from '../tokenizer/source.ts';
import type { TrainingMachine } from './machine.ts';

export function trainedCheckpoint(
  machine: TrainingMachine,
  tokenizer: TokenizerSource | undefined,
): Checkpoint {
  const { config } = machine;
  const tensors = Array.from(expectedTensors(config), ([name, shape]): [string, Tensor] => {
    const values = Float32Array.from(machine.read('values', name));
    const bytes = new Uint8Array(values.buffer);
    const rowBytes = shape.length === 1 ? bytes.length : bytes.length / shape[0];
    const readRows = async (begin: number, end: number) => bytes.subarray(begin * rowBytes, end * rowBytes);
    return [name, { name, dtype: 'F32', shape, byteLength: bytes.length, readRows }];
  });
  return {
    name: 'the model in training',
    format: 'safetensors',
    config,
    tensors: new Map(tensors),
    metadata: {},
    tokenizer,
    close: async () => undefined,
  };
}
