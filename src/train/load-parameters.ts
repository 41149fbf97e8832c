// The tensors of a checkpoint as the parameters of a machine: what fine-tuning and `smollm2 grads` start from.

import type { Tensor } from '../base/tensor.ts';
import { decodeBlocks, decodeToF64 } from '../quant/decode.ts';
import type { TrainingMachine } from './machine.ts';

/**
 * Fills every parameter from the tensor of its name, widened exactly (float32 in the WASM engine). Names and shapes
 * have been checked against the config; adapters, which a checkpoint has not, stay as they are.
 */
export async function loadParameters(
  machine: TrainingMachine,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  for (const [name, tensor] of tensors) {
    machine.write('values', name, await readTensor(tensor, machine.engineName === 'reference'));
  }
}

async function readTensor(tensor: Tensor, isWide: boolean): Promise<Float64Array | Float32Array> {
  const length = tensor.shape.reduce((product, size) => product * size, 1);
  const bytes = await tensor.readRows(0, tensor.shape.length === 1 ? 1 : tensor.shape[0]);
  if (isWide) {
    const values = new Float64Array(length);
    decodeToF64(tensor.dtype, bytes, 0, values, 0, length);
    return values;
  }
  const values = new Float32Array(length);
  decodeBlocks(tensor.dtype, bytes, 0, values, 0, length);
  return values;
}
