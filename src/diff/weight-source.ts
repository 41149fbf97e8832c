// Weights as a comparison reads them: rows of float64 by HuggingFace name, a few at a time, and views of them
// that look as a faulty program would have read them.

import { byteLength, type DType } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { decodeToF64 } from '../quant/decode.ts';
import type { Floats, Products } from './bounds.ts';
import { kernelProducts } from './products.ts';

/** Rows of a matrix that are asked for at once. */
export const WEIGHT_ROWS = 256;

export interface WeightSource {
  readonly config: ModelConfig;
  /** [outSize, inSize], [size], or undefined where there is no such tensor. */
  shape(name: string): readonly number[] | undefined;
  /** Rows [begin, end) of a matrix, one after the other; a vector is one row. */
  rows(name: string, begin: number, end: number): Promise<Floats>;
  /** Multiplies rows faster than plain loops; absent where there is no kernel. */
  readonly products?: Products;
  /** The same rows as a program that unpacks their blocks wrongly would read them; absent without a file. */
  readonly misread?: (change: BlockFault) => WeightSource;
}

/** A change of the bytes of rows, before they are unpacked; undefined where the type has no such part. */
export type BlockFault = (bytes: Uint8Array, dtype: DType, rowBytes: number) => Uint8Array | undefined;

/** What is read of an opened checkpoint. */
interface Tensors {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * The weights of a checkpoint.
 *
 * @param kernel dist/wasm/products.wasm, compiled: it multiplies rows several times as fast as plain loops
 */
export function checkpointWeights(checkpoint: Tensors, kernel?: WebAssembly.Module): WeightSource {
  return fileWeights(checkpoint, kernel && kernelProducts(kernel));
}

function fileWeights(checkpoint: Tensors, products?: Products, fault?: BlockFault): WeightSource {
  const { config, tensors } = checkpoint;
  return {
    config,
    products,
    shape: (name) => tensors.get(name)?.shape,
    misread: (change) => fileWeights(checkpoint, products, change),
    async rows(name, begin, end) {
      const tensor = tensors.get(name);
      if (!tensor) throw new RangeError(`weights: expected a tensor ${name}, got none`);
      const rowSize = tensor.shape[tensor.shape.length - 1];
      const read = await tensor.readRows(begin, end);
      const bytes = fault?.(read, tensor.dtype, read.length / (end - begin)) ?? read;
      const out = new Float64Array((end - begin) * rowSize);
      decodeToF64(tensor.dtype, bytes, 0, out, 0, out.length);
      if (bytes.length !== byteLength(tensor.dtype, out.length)) {
        throw new RangeError(`${name}: expected whole rows, got ${bytes.length} bytes`);
      }
      return out;
    },
  };
}

/** A vector is one row. */
function numRowsOf(weights: WeightSource, name: string): number {
  const shape = weights.shape(name);
  return shape && shape.length > 1 ? shape[0] : 1;
}

/** The whole matrix or vector. */
export async function allOf(weights: WeightSource, name: string): Promise<Float64Array> {
  const values = await weights.rows(name, 0, numRowsOf(weights, name));
  return values instanceof Float64Array ? values : Float64Array.from(values);
}

/** The matrix that makes the logits: its own, or the embedding table. */
export function headName(weights: WeightSource): string {
  return weights.shape('lm_head.weight') ? 'lm_head.weight' : 'model.embed_tokens.weight';
}

/** The same weights under other names: `rename` says which tensor is read where another is asked for. */
export function renamed(weights: WeightSource, rename: (name: string) => string): WeightSource {
  return {
    ...weights,
    shape: (name) => weights.shape(rename(name)),
    rows: (name, begin, end) => weights.rows(rename(name), begin, end),
  };
}

/** Values changed as they are read. */
export function mapped(weights: WeightSource, change: (value: number) => number): WeightSource {
  return {
    ...weights,
    shape: (name) => weights.shape(name),
    rows: async (name, begin, end) => new Float64Array(await weights.rows(name, begin, end)).map(change),
  };
}

/** Matrices whose numbers are read in file order as if they had been stored [inSize, outSize]. */
export function transposed(weights: WeightSource, isTarget: (name: string) => boolean): WeightSource {
  const whole = new Map<string, Promise<Float64Array>>();
  return {
    ...weights,
    async rows(name, begin, end) {
      if (!isTarget(name)) return weights.rows(name, begin, end);
      const [outSize, inSize] = weights.shape(name) ?? [0, 0];
      const read = whole.get(name) ?? allOf(weights, name);
      whole.set(name, read);
      const values = await read;
      const out = new Float64Array((end - begin) * inSize);
      for (let i = 0; i < inSize; i++)
        for (let o = begin; o < end; o++) out[(o - begin) * inSize + i] = values[i * outSize + o];
      return out;
    },
  };
}

/** Each row taken from where `from` says. */
export function rowsFrom(
  weights: WeightSource,
  from: (name: string, row: number) => { name: string; row: number },
): WeightSource {
  return {
    ...weights,
    async rows(name, begin, end) {
      const shape = weights.shape(name);
      const places = Array.from({ length: end - begin }, (_, n) => from(name, begin + n));
      if (!shape || places.every((place, n) => place.name === name && place.row === begin + n)) {
        return weights.rows(name, begin, end);
      }
      const size = shape[shape.length - 1];
      const out = new Float64Array((end - begin) * size);
      // In the pieces that are asked for otherwise, which may be kept.
      const pieces = new Map<string, Floats>();
      for (const [n, { name: other, row }] of places.entries()) {
        const first = row - (row % WEIGHT_ROWS);
        const key = `${other} ${first}`;
        const last = Math.min(first + WEIGHT_ROWS, numRowsOf(weights, other));
        const piece = pieces.get(key) ?? (await weights.rows(other, first, last));
        pieces.set(key, piece);
        out.set(piece.subarray((row - first) * size, (row - first + 1) * size), n * size);
      }
      return out;
    },
  };
}

/** Query and key rows in the order of a Llama-type GGUF file: what a reader sees that does not undo it. */
export function withPermutedHeads(weights: WeightSource): WeightSource {
  const half = weights.config.headDim / 2;
  return rowsFrom(weights, (name, row) => {
    if (!/self_attn\.[qk]_proj\.weight$/.test(name)) return { name, row };
    const inHead = row % (2 * half);
    return { name, row: row - inHead + Math.floor(inHead / 2) + (inHead % 2) * half };
  });
}

/** Weights that are kept once they were unpacked, as float32 where that holds them exactly. */
export function keptWeights(weights: WeightSource): WeightSource {
  if (keeping.has(weights)) return weights;
  const kept = new Map<string, Promise<Floats>>();
  let size = 0;
  const keeper: WeightSource = {
    ...weights,
    rows(name, begin, end) {
      const key = `${name} ${begin} ${end}`;
      const known = kept.get(key);
      if (known) return known;
      const read = weights.rows(name, begin, end).then((values) => {
        const narrow = new Float32Array(values);
        for (let i = 0; i < narrow.length; i++) if (values[i] !== narrow[i]) return values;
        return narrow;
      });
      if (size < MAX_KEPT && end - begin > 1) {
        kept.set(key, read);
        size += (weights.shape(name)?.at(-1) ?? 0) * (end - begin);
      }
      return read;
    },
  };
  keeping.add(keeper);
  return keeper;
}

/** What keeps its rows already: nothing that is made of it does. */
const keeping = new WeakSet<WeightSource>();

/** Weights that are kept at most: those of the 135M, not of the 1.7B. */
const MAX_KEPT = 2 ** 28;
