// Keys and values of past positions in float64, grown as a sequence grows. Mirror: assembly/cache.ts.

import type { ModelConfig } from '../config.ts';
import type { KvCache, Sequence } from '../ops.ts';

/** Keys and values of past positions as float64 arrays. */
export class ReferenceKvCache implements KvCache {
  length = 0;
  readonly maxSeqLen: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly keys: Float64Array[]; // per layer [capacity, numKvHeads, headDim], after RoPE
  readonly values: Float64Array[]; // per layer [capacity, numKvHeads, headDim]

  constructor(config: ModelConfig, maxSeqLen: number) {
    this.maxSeqLen = maxSeqLen;
    this.numHeads = config.numHeads;
    this.numKvHeads = config.numKvHeads;
    this.headDim = config.headDim;
    this.keys = Array.from({ length: config.numLayers }, () => new Float64Array(0));
    this.values = Array.from({ length: config.numLayers }, () => new Float64Array(0));
  }

  /** Makes room for positions [0, numPositions): at least twice what was there, so that growing stays cheap. */
  reserve(numPositions: number): void {
    const positionSize = this.numKvHeads * this.headDim;
    if (this.keys[0].length >= numPositions * positionSize) return;
    const capacity = Math.min(
      this.maxSeqLen,
      Math.max(numPositions, (2 * this.keys[0].length) / positionSize, 64),
    );
    for (const store of [this.keys, this.values]) {
      for (let l = 0; l < store.length; l++) {
        const grown = new Float64Array(capacity * positionSize);
        grown.set(store[l]);
        store[l] = grown;
      }
    }
  }

  /** Keys, then values, of the positions that hold a token: [2, numLayers, length, numKvHeads, headDim]. */
  pack(): Float64Array {
    const size = this.length * this.numKvHeads * this.headDim;
    const layers = [...this.keys, ...this.values];
    const packed = new Float64Array(layers.length * size);
    for (const [l, layer] of layers.entries()) packed.set(layer.subarray(0, size), l * size);
    return packed;
  }

  /** What `pack` gave, as the first `length` positions. */
  unpack(length: number, packed: Float64Array): void {
    this.reserve(length);
    const size = length * this.numKvHeads * this.headDim;
    const layers = [...this.keys, ...this.values];
    for (const [l, layer] of layers.entries()) layer.set(packed.subarray(l * size, (l + 1) * size));
    this.length = length;
  }
}

/**
 * Writes keys and values of the rows to their positions.
 *
 * @param k [rows, numKvHeads, headDim], after RoPE
 * @param v [rows, numKvHeads, headDim]
 */
export function remember(
  k: Float64Array,
  v: Float64Array,
  layer: number,
  sequences: readonly Sequence[],
): void {
  for (const { begin, count, startPos, cache } of sequences) {
    const { numKvHeads, headDim, keys, values } = cache as ReferenceKvCache;
    const size = numKvHeads * headDim;
    keys[layer].set(k.subarray(begin * size, (begin + count) * size), startPos * size);
    values[layer].set(v.subarray(begin * size, (begin + count) * size), startPos * size);
  }
}
