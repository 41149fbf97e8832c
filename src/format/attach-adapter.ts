// A model with a low-rank adapter beside its matrices, which stay as they are in their file: what src/model/low-rank.ts
// computes with. Adding the adapter into the matrices instead: merge-adapter.ts.

import { UnsupportedError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { LoraAdapter } from './peft.ts';

/** What src/model/low-rank.ts adds to. */
const ADAPTED = /^model\.layers\.\d+\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)$/;

/**
 * The checkpoint with the tensors of the adapter, by PEFT's names; the scale is in B.
 *
 * @throws UnsupportedError for modules that are no matrices of a layer
 */
export function attachAdapter(checkpoint: Checkpoint, { modules, scale }: LoraAdapter): Checkpoint {
  const tensors = new Map(checkpoint.tensors);
  for (const [module, { a, b, inSize, outSize }] of modules) {
    if (!ADAPTED.test(module)) {
      throw new UnsupportedError(
        `adapter: expected matrices of layers only, got ${module}; smollm2 convert adds that into the weights`,
      );
    }
    const rank = a.length / inSize;
    for (const tensor of [
      inMemory(`${module}.lora_A.weight`, [rank, inSize], a),
      inMemory(
        `${module}.lora_B.weight`,
        [outSize, rank],
        b.map((value) => value * scale),
      ),
    ]) {
      tensors.set(tensor.name, tensor);
    }
  }
  return { ...checkpoint, tensors };
}

function inMemory(name: string, shape: readonly [number, number], values: Float32Array): Tensor {
  const [, inSize] = shape;
  const readRows = async (begin: number, end: number) => {
    const rows = values.slice(begin * inSize, end * inSize);
    return new Uint8Array(rows.buffer);
  };
  return { name, dtype: 'F32', shape, byteLength: values.byteLength, readRows };
}
