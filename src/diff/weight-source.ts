// Weights as a comparison reads them: rows of float64 by HuggingFace name, a few at a time, and views of them
// that look as a faulty program would have read them.

import { byteLength } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { decodeToF64 } from '../quant/decode.ts';

export interface WeightSource {
  readonly config: ModelConfig;
  /** [outSize, inSize], [size], or undefined where there is no such tensor. */
  shape(name: string): readonly number[] | undefined;
  /** Rows [begin, end) of a matrix, one after the other; a vector is one row. */
  rows(name: string, begin: number, end: number): Promise<Float64Array>;
}

/** The weights of a checkpoint. */
export function checkpointWeights(checkpoint: {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, Tensor>;
}): WeightSource {
  const { config, tensors } = checkpoint;
  return {
    config,
    shape: (name) => tensors.get(name)?.shape,
    async rows(name, begin, end) {
      const tensor = tensors.get(name);
      if (!tensor) throw new RangeError(`weights: expected a tensor ${name}, got none`);
      const rowSize = tensor.shape[tensor.shape.length - 1];
      const bytes = await tensor.readRows(begin, end);
      const out = new Float64Array((end - begin) * rowSize);
      decodeToF64(tensor.dtype, bytes, 0, out, 0, out.length);
      if (bytes.length !== byteLength(tensor.dtype, out.length)) {
        throw new RangeError(`${name}: expected whole rows, got ${bytes.length} bytes`);
      }
      return out;
    },
  };
}

/** The whole matrix or vector. */
export async function allOf(weights: WeightSource, name: string): Promise<Float64Array> {
  const shape = weights.shape(name);
  return weights.rows(name, 0, shape && shape.length > 1 ? shape[0] : 1);
}

/** The matrix that makes the logits: its own, or the embedding table. */
export function headName(weights: WeightSource): string {
  return weights.shape('lm_head.weight') ? 'lm_head.weight' : 'model.embed_tokens.weight';
}

/** The same weights under other names: `rename` says which tensor is read where another is asked for. */
export function renamed(weights: WeightSource, rename: (name: string) => string): WeightSource {
  return {
    config: weights.config,
    shape: (name) => weights.shape(rename(name)),
    rows: (name, begin, end) => weights.rows(rename(name), begin, end),
  };
}

/** Values changed as they are read. */
export function mapped(weights: WeightSource, change: (value: number) => number): WeightSource {
  return {
    ...weights,
    shape: (name) => weights.shape(name),
    rows: async (name, begin, end) => (await weights.rows(name, begin, end)).map(change),
  };
}

/** One matrix, its numbers read in file order as if it had been stored [inSize, outSize]. */
export function transposed(weights: WeightSource, target: string): WeightSource {
  let whole: Promise<Float64Array> | undefined;
  return {
    config: weights.config,
    shape: (name) => weights.shape(name),
    async rows(name, begin, end) {
      if (name !== target) return weights.rows(name, begin, end);
      const [outSize, inSize] = weights.shape(name) ?? [0, 0];
      whole ??= allOf(weights, name);
      const values = await whole;
      return Float64Array.from({ length: (end - begin) * inSize }, (_, at) => {
        const o = begin + Math.floor(at / inSize);
        return values[(at % inSize) * outSize + o];
      });
    },
  };
}

/** Query and key rows in the order of a Llama-type GGUF file: what a reader sees that does not undo it. */
export function withPermutedHeads(weights: WeightSource): WeightSource {
  const half = weights.config.headDim / 2;
  const storedRow = (row: number) => {
    const inHead = row % (2 * half);
    return row - inHead + Math.floor(inHead / 2) + (inHead % 2) * half;
  };
  return {
    config: weights.config,
    shape: (name) => weights.shape(name),
    async rows(name, begin, end) {
      const shape = weights.shape(name);
      if (!/self_attn\.[qk]_proj\.weight$/.test(name) || !shape) return weights.rows(name, begin, end);
      const out = new Float64Array((end - begin) * shape[1]);
      for (let row = begin; row < end; row++) {
        out.set(await weights.rows(name, storedRow(row), storedRow(row) + 1), (row - begin) * shape[1]);
      }
      return out;
    },
  };
}
