// The reference engine: every operation of src/ops.ts in plain loops over Float64Array. It is the oracle that
// everything else is measured against, so it is written to be read, not to be fast.

import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import type { Engine, Sequence } from '../ops.ts';
import { decodeToF64 } from '../quant/decode.ts';
import { add } from './add.ts';
import { attend } from './attend.ts';
import { embed } from './embed.ts';
import { ReferenceKvCache, remember } from './kv-cache.ts';
import { linear } from './linear.ts';
import type { ReferenceMatrix } from './matrix.ts';
import { rmsNorm } from './rmsnorm.ts';
import { type ReferenceRopeTable, rope, ropeTable } from './rope.ts';
import { swiglu } from './swiglu.ts';

/** Rows of a tensor are read in pieces of about this many bytes. */
const PIECE_BYTES = 2 ** 22;

/** Four times what the tests on the golden prompts allow (1e-9 in test/model/golden-*.slow.test.ts). */
const LOGIT_ERROR_BOUND = 4e-9;

/** The engine of plain float64 loops: slow, and the oracle of every other one. */
export class ReferenceEngine implements Engine {
  readonly name = 'reference';
  readonly arithmetic = 'reference 1';
  readonly logitErrorBound = LOGIT_ERROR_BOUND;

  vector(length: number): Float64Array {
    return new Float64Array(length);
  }

  view(x: Float64Array, begin: number, end: number): Float64Array {
    return x.subarray(begin, end);
  }

  async loadVector(tensor: Tensor): Promise<Float64Array> {
    const out = new Float64Array(tensor.shape[0]);
    decodeToF64(tensor.dtype, await tensor.readRows(0, 1), 0, out, 0, out.length);
    return out;
  }

  async loadMatrix(tensor: Tensor, onBytes?: (bytes: number) => void): Promise<ReferenceMatrix> {
    const [outSize, inSize] = tensor.shape;
    const bytes = new Uint8Array(tensor.byteLength);
    const rowBytes = tensor.byteLength / outSize;
    const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
    for (let row = 0; row < outSize; row += pieceRows) {
      const piece = await tensor.readRows(row, Math.min(row + pieceRows, outSize));
      bytes.set(piece, row * rowBytes);
      onBytes?.(piece.length);
    }
    return { dtype: tensor.dtype, outSize, inSize, bytes };
  }

  weightBytes(weight: Float64Array | ReferenceMatrix): readonly Uint8Array[] {
    if (!('dtype' in weight)) return [new Uint8Array(weight.buffer, weight.byteOffset, weight.byteLength)];
    return [new TextEncoder().encode(weight.dtype), weight.bytes];
  }

  ropeTable(config: ModelConfig, maxSeqLen: number): ReferenceRopeTable {
    return ropeTable(config, maxSeqLen);
  }

  kvCache(config: ModelConfig, maxSeqLen: number): ReferenceKvCache {
    return new ReferenceKvCache(config, maxSeqLen);
  }

  reserve(cache: ReferenceKvCache, numPositions: number): void {
    cache.reserve(numPositions);
  }

  // The garbage collector gives memory back: caches and scratch need no bookkeeping here.
  freeCache(): void {}

  shareCache(from: ReferenceKvCache, to: ReferenceKvCache, length: number): void {
    const size = length * from.numKvHeads * from.headDim;
    to.reserve(length);
    for (const [l, layer] of from.keys.entries()) to.keys[l].set(layer.subarray(0, size));
    for (const [l, layer] of from.values.entries()) to.values[l].set(layer.subarray(0, size));
    to.length = length;
  }

  cacheBytes(caches: Iterable<ReferenceKvCache>): number {
    let bytes = 0;
    for (const { keys, values } of caches)
      for (const layer of [...keys, ...values]) bytes += layer.byteLength;
    return bytes;
  }

  exportCache(cache: ReferenceKvCache): Uint8Array {
    return new Uint8Array(cache.pack().buffer);
  }

  importCache(cache: ReferenceKvCache, length: number, bytes: Uint8Array): void {
    cache.unpack(length, new Float64Array(bytes.slice().buffer));
  }

  mark(): number {
    return 0;
  }

  release(): void {}

  async read(x: Float64Array): Promise<Float64Array> {
    return x.slice();
  }

  readNow(x: Float64Array): Float64Array {
    return x.slice();
  }

  write(x: Float64Array, values: ArrayLike<number>): void {
    x.set(values);
  }

  embed(out: Float64Array, table: ReferenceMatrix, ids: readonly number[]): void {
    embed(out, table, ids);
  }

  rmsNorm(out: Float64Array, x: Float64Array, weight: Float64Array, eps: number): void {
    rmsNorm(out, x, weight, eps);
  }

  linear(out: Float64Array, x: Float64Array, weight: ReferenceMatrix, bias?: Float64Array): void {
    linear(out, x, weight, bias);
  }

  rope(x: Float64Array, table: ReferenceRopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    rope(x, table, numHeads, sequences);
  }

  remember(k: Float64Array, v: Float64Array, layer: number, sequences: readonly Sequence[]): void {
    remember(k, v, layer, sequences);
  }

  attend(
    out: Float64Array,
    q: Float64Array,
    layer: number,
    sequences: readonly Sequence[],
    probs?: Float64Array,
  ): void {
    attend(out, q, layer, sequences, probs);
  }

  swiglu(out: Float64Array, gate: Float64Array, up: Float64Array): void {
    swiglu(out, gate, up);
  }

  add(x: Float64Array, y: Float64Array): void {
    add(x, y);
  }
}

// What training adds, for those who learn or port it.
export { rowLoss, rowLossBackward } from './loss.ts';
export type { ReferenceMatrix } from './matrix.ts';
export { ReferenceTraining } from './training.ts';
