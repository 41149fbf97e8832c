// The tensors of a checkpoint as the parameters of a learner: what fine-tuning and `smollm2 grads` start from.

import type { Tensor } from '../base/tensor.ts';
import { decodeBlocks, decodeToF64 } from '../quant/decode.ts';
import type { Learner } from './learner.ts';

/**
 * Fills every parameter from the tensor of its name, widened exactly (float32 in the WASM engine). Names and shapes
 * have been checked against the config; adapters, which a checkpoint has not, stay as they are.
 */
export async function loadParameters(learner: Learner, tensors: ReadonlyMap<string, Tensor>): Promise<void> {
  for (const [name, tensor] of tensors) {
    const parameter = learner.parameters.get(name);
    if (!parameter) throw new RangeError(`parameters: expected one named ${name}, got none`);
    learner.engine.write(parameter.values, await readTensor(tensor, learner.engine.name === 'reference'));
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
