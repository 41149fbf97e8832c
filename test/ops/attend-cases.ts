// remember and attend: one cannot be seen without the other. Context lengths around the vectors, the blocks of 8
// positions and the parts of 128.

import { WasmEngine } from '../../src/wasm/engine.ts';
import * as lanes from '../support/lanes.ts';
import { pagesOf, randomF32, shapeOf } from '../support/wasm.ts';
import { type ForwardCase, inChunks, outputOf, vectorOf } from './case.ts';

export const ATTEND_SHAPES = [
  { numHeads: 9, numKvHeads: 3, headDim: 64 },
  { numHeads: 4, numKvHeads: 4, headDim: 8 },
  { numHeads: 7, numKvHeads: 1, headDim: 16 },
  { numHeads: 2, numKvHeads: 1, headDim: 6 },
  { numHeads: 3, numKvHeads: 1, headDim: 10 },
];
const LENGTHS = [1, 2, 3, 7, 8, 9, 17, 127, 128, 129];
/** Two parts and more, for two of the shapes: what a plain loop takes grows with the square. */
const LONG_LENGTHS = [256, 257, 300];
/** For heads of 64, which take a plain loop in float64 ten times as long. */
const SOME_LENGTHS = [1, 9, 129, 257];
const LAYER = 1;

export type AttendShape = (typeof ATTEND_SHAPES)[number];

/** Queries, keys and values of `length` positions. */
export function attendInputs({ numHeads, numKvHeads, headDim }: AttendShape, length: number) {
  return {
    q: randomF32(length * numHeads * headDim, 1, 2),
    k: randomF32(length * numKvHeads * headDim, 2, 2),
    v: randomF32(length * numKvHeads * headDim, 3, 2),
  };
}

export const attendCases = ATTEND_SHAPES.flatMap((shape) =>
  lengthsOf(shape).map((length) => attendCase(shape, length)),
);

function lengthsOf({ headDim }: AttendShape): number[] {
  if (headDim === 64) return SOME_LENGTHS;
  return headDim === 8 || headDim === 10 ? [...LENGTHS, ...LONG_LENGTHS] : LENGTHS;
}

function attendCase(shape: AttendShape, length: number): ForwardCase {
  const { numHeads, numKvHeads, headDim } = shape;
  const config = shapeOf(numHeads, numKvHeads, headDim);
  const { q, k, v } = attendInputs(shape, length);
  const kvHeadOf = (h: number) => Math.floor(h / (numHeads / numKvHeads));
  const rowsOf = (x: Float32Array, kvHead: number) =>
    Array.from({ length }, (_, p) => x.subarray((p * numKvHeads + kvHead) * headDim).subarray(0, headDim));
  return {
    name: `${length} positions, ${numHeads} heads on ${numKvHeads} of ${headDim}`,
    rows: length,
    chunks: length === 300 ? [7, 64] : length === 129 ? [64] : [],
    async run(engine, chunk) {
      const cache = engine.kvCache(config, length);
      engine.reserve(cache, length);
      // Positions that were never written must not matter.
      if (engine instanceof WasmEngine) {
        const { buffer } = engine.linearMemory;
        for (const { ptr, bytes } of pagesOf(engine))
          new Float32Array(buffer, ptr, bytes / 4).fill(Number.NaN);
      }
      const values = await inChunks(length, chunk, (begin, count) => {
        const part = (x: Float32Array, heads: number) =>
          vectorOf(engine, x.subarray(begin * heads * headDim, (begin + count) * heads * headDim));
        const sequences = [{ begin: 0, count, startPos: begin, cache }];
        engine.remember(part(k, numKvHeads), part(v, numKvHeads), LAYER, sequences);
        return outputOf(engine, count * numHeads * headDim, (out) =>
          engine.attend(out, part(q, numHeads), LAYER, sequences),
        );
      });
      engine.freeCache(cache);
      return values;
    },
    exact() {
      const values = new Float64Array(q.length);
      for (let h = 0; h < numHeads; h++) {
        const [keys, vals] = [rowsOf(k, kvHeadOf(h)), rowsOf(v, kvHeadOf(h))];
        for (let t = 0; t < length; t++) {
          const at = (t * numHeads + h) * headDim;
          values.set(attention(q.subarray(at, at + headDim), keys, vals, t + 1), at);
        }
      }
      return { values, magnitudes: values.map(() => 2) }; // values of v are below 2
    },
    // Scores are sums of headDim products below 4, and weights move by e^error: 64 positions.
    roundings: () => 16 * headDim + 160,
    // Rounding of keys moves a score by at most 2 · 2 · sqrt(headDim) · 2^-11, of values the result by 2 · 2^-11; in q8
    // the same with half a step of 2 / 127.
    slack: ({ cacheType }) =>
      (2 * 4 * Math.sqrt(headDim) + 2) * { exact: 0, f32: 0, f16: 2 ** -11, q8: 1 / 254 }[cacheType],
    lanes({ cacheType }) {
      if (cacheType !== 'f32') return undefined;
      const row = length - 1;
      const values = new Float32Array(numHeads * headDim);
      for (let h = 0; h < numHeads; h++) {
        const at = (row * numHeads + h) * headDim;
        const kvHead = kvHeadOf(h);
        values.set(
          lanes.attend(q.slice(at, at + headDim), rowsOf(k, kvHead), rowsOf(v, kvHead)),
          h * headDim,
        );
      }
      return [{ row, values }];
    },
  };
}

/** softmax(q · keysᵀ / sqrt(headDim)) · values over the first `count` positions, in float64. */
function attention(
  q: Float32Array,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
  count: number,
): Float64Array {
  const weights = new Float64Array(count);
  for (let p = 0; p < count; p++) {
    let sum = 0;
    for (let i = 0; i < q.length; i++) sum += q[i] * keys[p][i];
    weights[p] = Math.exp(sum / Math.sqrt(q.length)); // scores are small: no maximum is needed
  }
  const total = weights.reduce((a, b) => a + b);
  const out = new Float64Array(q.length);
  for (let p = 0; p < count; p++) {
    for (let i = 0; i < q.length; i++) out[i] += (weights[p] / total) * values[p][i];
  }
  return out;
}
