// The same model in arithmetic that is coarser though right (weights in other types, activations of 8 bits): what
// `verify` holds a server's answers to.

import { byteLength, DTYPES } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { Model } from '../model/model.ts';
import { loadWeights } from '../model/weights.ts';
import type { Fusible } from '../ops.ts';
import { decodeBlocks } from '../quant/decode.ts';
import { type EncodableDType, encodeBlocks } from '../quant/encode.ts';
import { WasmEngine } from '../wasm/engine.ts';
import type { WasmMatrix, WasmVector } from '../wasm/ops.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import { makeMemory } from './load.ts';
import { modelHere } from './loaded-model.ts';

type Load = (checkpoint: Checkpoint) => Promise<Model>;

export interface NamedModel {
  readonly name: string;
  readonly load: () => Promise<Model>;
}

/** Programs that are right though coarser. */
export function coarserModels(checkpoint: Checkpoint, load: Load, platform: WasmPlatform): NamedModel[] {
  const requantised = (['Q8_0', 'Q4_1', 'Q4_0'] as const).flatMap((type) => {
    const tensors = Array.from(
      checkpoint.tensors,
      ([name, one]) => [name, requantisedView(one, type)] as const,
    );
    // A file of this very type is the reference itself.
    if (tensors.every(([name, one]) => one === checkpoint.tensors.get(name))) return [];
    return { name: `weights in ${type}`, load: () => load({ ...checkpoint, tensors: new Map(tensors) }) };
  });
  return [{ name: 'activations of 8 bits', load: () => int8Model(checkpoint, platform) }, ...requantised];
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

/** Activations of 8 bits before every product, as llama.cpp has them for quantised weights; else float32. */
class Int8Engine extends WasmEngine {
  /** Every product gets its inputs here. */
  override fusible(): Fusible {
    return { attention: false, mlp: false };
  }

  override linear(out: WasmVector, x: WasmVector, weight: WasmMatrix, bias?: WasmVector): void {
    if (weight.inSize % BLOCK === 0) roundBlocks(new Float32Array(this.memory.buffer, x.ptr, x.length));
    super.linear(out, x, weight, bias);
  }
}

/** In place: what several products read is rounded once more to the same values. */
function roundBlocks(x: Float32Array): void {
  for (let begin = 0; begin < x.length; begin += BLOCK) {
    let largest = 0;
    for (let i = begin; i < begin + BLOCK; i++) largest = Math.max(largest, Math.abs(x[i]));
    const scale = largest / 127;
    for (let i = begin; i < begin + BLOCK; i++) x[i] = scale === 0 ? 0 : scale * Math.round(x[i] / scale);
  }
}

async function int8Model({ config, tensors }: Checkpoint, platform: WasmPlatform): Promise<Model> {
  const module = await platform.loadModule('strict-single');
  const memory = makeMemory(false);
  const { headDim } = config;
  const engine = new Int8Engine({ module, memory, precision: 'precise', cacheType: 'f32', headDim });
  const weights = await loadWeights(engine, config, tensors);
  engine.endLoading();
  return modelHere(engine, config, weights);
}
