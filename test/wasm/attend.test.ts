import { describe, expect, it } from 'vitest';
import { ReferenceEngine } from '../../src/reference/index.ts';
import type { WasmEngine } from '../../src/wasm/engine.ts';
import type { CacheType } from '../../src/wasm/options.ts';
import { EPS32, expectClose } from '../support/close.ts';
import * as lanes from '../support/lanes.ts';
import { bitsOf, pagesOf, randomF32, shapeOf, wasmEngine } from '../support/wasm.ts';

const SHAPES = [
  { numHeads: 9, numKvHeads: 3, headDim: 64 },
  { numHeads: 4, numKvHeads: 4, headDim: 8 },
  { numHeads: 7, numKvHeads: 1, headDim: 16 },
  { numHeads: 2, numKvHeads: 1, headDim: 6 },
  { numHeads: 3, numKvHeads: 1, headDim: 10 },
];
/** Context lengths around the vectors, the blocks of 8 positions and the parts of 128. */
const LENGTHS = [1, 2, 3, 7, 8, 9, 17, 127, 128, 129, 255, 256, 257, 300];

type Shape = (typeof SHAPES)[number];

/** Numbers for a whole sequence, and a way to compute its rows in runs. */
function sequence(shape: Shape, length: number) {
  const { numHeads, numKvHeads, headDim } = shape;
  const q = randomF32(length * numHeads * headDim, 1, 2);
  const k = randomF32(length * numKvHeads * headDim, 2, 2);
  const v = randomF32(length * numKvHeads * headDim, 3, 2);
  return { q, k, v };
}

function run(shape: Shape, length: number, chunk: number, cacheType: CacheType): Float32Array {
  const { numHeads, numKvHeads, headDim } = shape;
  const { q, k, v } = sequence(shape, length);
  const engine = wasmEngine({ cacheType });
  const config = shapeOf(numHeads, numKvHeads, headDim);
  const cache = engine.kvCache(config, length);
  const out = new Float32Array(q.length);
  engine.reserve(cache, length);
  poison(engine, length);
  for (let begin = 0; begin < length; begin += chunk) {
    const count = Math.min(chunk, length - begin);
    const part = (x: Float32Array, heads: number) => {
      const vector = engine.vector(count * heads * headDim);
      engine.write(vector, x.subarray(begin * heads * headDim, (begin + count) * heads * headDim));
      return vector;
    };
    const sequences = [{ begin: 0, count, startPos: begin, cache }];
    engine.remember(part(k, numKvHeads), part(v, numKvHeads), 1, sequences);
    const mixed = engine.vector(count * numHeads * headDim);
    engine.attend(mixed, part(q, numHeads), 1, sequences);
    out.set(engine.readNow(mixed), begin * numHeads * headDim);
  }
  return out;
}

/** Fills pages that are about to be used with NaN: positions that were never written must not matter. */
function poison(engine: WasmEngine, length: number): void {
  for (const page of pagesOf(engine)) {
    new Float32Array(engine.linearMemory.buffer, page.ptr, page.bytes / 4).fill(length > 0 ? Number.NaN : 0);
  }
}

describe.each(SHAPES)('attend, $numHeads heads on $numKvHeads of $headDim', (shape) => {
  const { numHeads, numKvHeads, headDim } = shape;

  it.each(LENGTHS)('the last of %i positions equals the lane model', (length) => {
    const out = run(shape, length, length, 'f32');
    const { q, k, v } = sequence(shape, length);
    const rowSize = numHeads * headDim;
    for (let h = 0; h < numHeads; h++) {
      const kvHead = Math.floor(h / (numHeads / numKvHeads));
      const at = (length - 1) * rowSize + h * headDim;
      const rows = (x: Float32Array) =>
        Array.from({ length }, (_, p) =>
          x.subarray((p * numKvHeads + kvHead) * headDim).subarray(0, headDim),
        );
      const expected = lanes.attend(q.slice(at, at + headDim), rows(k), rows(v));
      expect(out.slice(at, at + headDim)).toEqual(expected);
    }
  });

  it('300 positions have the same bits in chunks of 1, 7, 64 and whole, in every cache type', () => {
    for (const cacheType of ['f32', 'f16', 'q8'] as const) {
      const whole = run(shape, 300, 300, cacheType);
      for (const chunk of [1, 7, 64]) expect(bitsOf(run(shape, 300, chunk, cacheType))).toBe(bitsOf(whole));
    }
  });

  it.each([
    // Scores are sums of headDim products below 4, and weights move by e^error: 64 positions, values below 2.
    ['f32', 2 * (16 * headDim + 160) * EPS32],
    // Rounding of keys moves a score by at most 2 · 2 · sqrt(headDim) · 2^-11, of values the result by 2 · 2^-11.
    ['f16', (2 * 4 * Math.sqrt(headDim) + 2) * 2 ** -11],
    // The same with half a step of 2 / 127.
    ['q8', (2 * 4 * Math.sqrt(headDim) + 2) / 254],
  ] as const)('a cache in %s is within %f of the float64 reference over 200 positions', (type, tolerance) => {
    const length = 200;
    const { q, k, v } = sequence(shape, length);
    const reference = new ReferenceEngine();
    const cache = reference.kvCache(shapeOf(numHeads, numKvHeads, headDim), length);
    reference.reserve(cache as never, length);
    const sequences = [{ begin: 0, count: length, startPos: 0, cache }];
    const expected = new Float64Array(q.length);
    reference.remember(Float64Array.from(k), Float64Array.from(v), 1, sequences);
    reference.attend(expected, Float64Array.from(q), 1, sequences);
    expectClose(run(shape, length, length, type), expected, tolerance, type);
  });
});

describe('attend, weights', () => {
  it('probs of 140 rows after 20 sum to 1, are zero after the row, and agree with float64 within 1e-5', () => {
    const { numHeads, numKvHeads, headDim } = SHAPES[0];
    const config = shapeOf(numHeads, numKvHeads, headDim);
    const [past, count] = [20, 140];
    const { q, k, v } = sequence(SHAPES[0], past + count);
    const probsOf = <V extends { length: number }>(engine: {
      vector(length: number): V;
      write(x: V, values: ArrayLike<number>): void;
      readNow(x: V): ArrayLike<number>;
      kvCache(c: typeof config, n: number): never;
      reserve(cache: never, n: number): void;
      remember(k: V, v: V, layer: number, sequences: never): void;
      attend(out: V, q: V, layer: number, sequences: never, probs: V): void;
    }) => {
      const cache = engine.kvCache(config, past + count);
      engine.reserve(cache, past + count);
      const vector = (x: Float32Array) => {
        const made = engine.vector(x.length);
        engine.write(made, x);
        return made;
      };
      const all = [{ begin: 0, count: past + count, startPos: 0, cache }] as never;
      const rows = [{ begin: 0, count, startPos: past, cache }] as never;
      engine.remember(vector(k), vector(v), 0, all);
      const probs = engine.vector(numHeads * count * (past + count));
      const some = q.slice(past * numHeads * headDim);
      engine.attend(engine.vector(some.length), vector(some), 0, rows, probs);
      return engine.readNow(probs);
    };
    const got = probsOf(wasmEngine() as never);
    const expected = probsOf(new ReferenceEngine() as never);
    expectClose(got, expected, 1e-5, 'probs');
    const row = Array.from(got).slice(3 * (past + count), 4 * (past + count));
    expect(row.slice(past + 4).every((p) => p === 0)).toBe(true);
    expect(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1)).toBeLessThan(1e-5);
  });
});

describe('attend, batch', () => {
  it('rows of three sequences in one call have the bits of each alone', () => {
    const { numHeads, numKvHeads, headDim } = SHAPES[0];
    const config = shapeOf(numHeads, numKvHeads, headDim);
    const { q, k, v } = sequence(SHAPES[0], 160);
    const places = [
      { begin: 0, count: 1, startPos: 140 },
      { begin: 1, count: 5, startPos: 3 },
      { begin: 6, count: 2, startPos: 127 },
    ];
    const compute = (together: boolean) => {
      const engine = wasmEngine();
      const vector = (x: Float32Array) => {
        const made = engine.vector(x.length);
        engine.write(made, x);
        return made;
      };
      const sequences = places.map((place) => {
        const cache = engine.kvCache(config, 160);
        engine.reserve(cache, 160);
        engine.remember(vector(k), vector(v), 0, [{ begin: 0, count: 160, startPos: 0, cache }]);
        return { ...place, cache };
      });
      const rowSize = numHeads * headDim;
      const queries = vector(q.slice(0, 8 * rowSize));
      const out = engine.vector(8 * rowSize);
      if (together) engine.attend(out, queries, 0, sequences);
      else {
        for (const { begin, count, startPos, cache } of sequences) {
          const cut = (x: typeof out) => engine.view(x, begin * rowSize, (begin + count) * rowSize);
          engine.attend(cut(out), cut(queries), 0, [{ begin: 0, count, startPos, cache }]);
        }
      }
      return engine.readNow(out);
    };
    expect(compute(true)).toEqual(compute(false));
  });
});
