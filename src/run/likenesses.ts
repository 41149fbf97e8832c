// The same model in arithmetic that is coarser though right (weights in other types, activations of 8 bits), and with
// mistakes that servers make: what `verify` holds a server's answers to.

import { byteLength, DTYPES } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { Model } from '../model/model.ts';
import { loadWeights } from '../model/weights.ts';
import { decodeBlocks } from '../quant/decode.ts';
import { type EncodableDType, encodeBlocks } from '../quant/encode.ts';
import { ReferenceEngine } from '../reference/index.ts';
import type { ReferenceMatrix } from '../reference/matrix.ts';
import { REFERENCE_ROWS } from './load.ts';
import { modelHere } from './loaded-model.ts';

type Load = (checkpoint: Checkpoint) => Promise<Model>;

export interface NamedModel {
  readonly name: string;
  readonly load: () => Promise<Model>;
}

/** Programs that are right though coarser. */
export function coarserModels(checkpoint: Checkpoint, load: Load): NamedModel[] {
  const requantised = (['Q8_0', 'Q4_1', 'Q4_0'] as const).map((type) => ({
    name: `weights in ${type}`,
    load: () => {
      const tensors = Array.from(
        checkpoint.tensors,
        ([name, one]) => [name, requantisedView(one, type)] as const,
      );
      return load({ ...checkpoint, tensors: new Map(tensors) });
    },
  }));
  return [{ name: 'activations of 8 bits', load: () => int8Model(checkpoint) }, ...requantised];
}

/** Programs that are wrong in a constant. */
export function wrongModels(checkpoint: Checkpoint, load: Load): NamedModel[] {
  const withConfig = (change: Partial<ModelConfig>) =>
    load({ ...checkpoint, config: { ...checkpoint.config, ...change } });
  return [1e-3, 1e-4, 1e-2, 1e-6]
    .filter((eps) => Math.abs(eps / checkpoint.config.rmsNormEps - 1) > 0.01)
    .map((rmsNormEps) => ({ name: `rms_norm_eps ${rmsNormEps}`, load: () => withConfig({ rmsNormEps }) }));
}

/** A matrix as a file of another type would hold it; vectors, and rows that are no whole blocks, stay. */
function requantisedView(tensor: Tensor, type: EncodableDType): Tensor {
  const rowSize = tensor.shape[tensor.shape.length - 1];
  const isHead = /embed_tokens|lm_head/.test(tensor.name);
  const to = isHead && type !== 'Q8_0' ? 'Q8_0' : type;
  if (tensor.shape.length < 2 || rowSize % DTYPES[to].blockSize !== 0 || tensor.dtype === to) return tensor;
  return {
    ...tensor,
    dtype: to,
    byteLength: byteLength(to, tensor.shape[0] * rowSize),
    async readRows(begin, end) {
      const count = (end - begin) * rowSize;
      const values = new Float32Array(count);
      decodeBlocks(tensor.dtype, await tensor.readRows(begin, end), 0, values, 0, count);
      const out = new Uint8Array(byteLength(to, count));
      encodeBlocks(to, values, out, 0);
      return out;
    },
  };
}

const BLOCK = 32; // values that share a scale, as in llama.cpp's Q8_0

/** The float64 engine with activations of 8 bits before every product: what llama.cpp does for quantised weights. */
class Int8Engine extends ReferenceEngine {
  override linear(out: Float64Array, x: Float64Array, weight: ReferenceMatrix, bias?: Float64Array): void {
    super.linear(out, weight.inSize % BLOCK === 0 ? inBlocks(x) : x, weight, bias);
  }
}

function inBlocks(x: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += BLOCK) {
    let largest = 0;
    for (let i = begin; i < begin + BLOCK; i++) largest = Math.max(largest, Math.abs(x[i]));
    const scale = largest / 127;
    for (let i = begin; i < begin + BLOCK; i++) out[i] = scale === 0 ? 0 : scale * Math.round(x[i] / scale);
  }
  return out;
}

async function int8Model({ config, tensors }: Checkpoint): Promise<Model> {
  const engine = new Int8Engine();
  return modelHere(engine, config, await loadWeights(engine, config, tensors), undefined, REFERENCE_ROWS);
}
