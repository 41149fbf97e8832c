// A model with a low-rank adapter added into its matrices: W + scale · B A, in float64, kept as float32. What comes out
// is a model like any other.

import type { Tensor } from '../base/tensor.ts';
import { decodeToF64 } from '../quant/decode.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { LoraAdapter, LoraModule } from './peft.ts';

/** The checkpoint's tensors are read when the merged ones are; close it through the result. */
export function withAdapter(checkpoint: Checkpoint, { modules, scale }: LoraAdapter): Checkpoint {
  const tensors = new Map(checkpoint.tensors);
  for (const [name, module] of modules) {
    const tensor = tensors.get(`${name}.weight`);
    if (tensor) tensors.set(tensor.name, merged(tensor, module, scale));
  }
  return { ...checkpoint, tensors };
}

function merged(tensor: Tensor, { a, b, inSize, outSize }: LoraModule, scale: number): Tensor {
  const rank = a.length / inSize;
  const readRows = async (begin: number, end: number): Promise<Uint8Array> => {
    const bytes = await tensor.readRows(begin, end);
    const count = (end - begin) * inSize;
    const values = new Float64Array(count);
    decodeToF64(tensor.dtype, bytes, 0, values, 0, count);
    for (let o = begin, at = 0; o < end; o++, at += inSize) {
      for (let r = 0; r < rank; r++) {
        const factor = scale * b[o * rank + r];
        for (let i = 0; i < inSize; i++) values[at + i] += factor * a[r * inSize + i];
      }
    }
    return new Uint8Array(Float32Array.from(values).buffer);
  };
  return { name: tensor.name, dtype: 'F32', shape: tensor.shape, byteLength: 4 * outSize * inSize, readRows };
}
