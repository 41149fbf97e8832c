// What attend promises beside the table: the weights it shows, and rows of several sequences in one call.

import { describe, expect, it } from 'vitest';
import type { Engine, Values } from '../../src/ops.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import { expectClose } from '../support/close.ts';
import { shapeOf } from '../support/wasm.ts';
import { ATTEND_SHAPES, attendInputs } from './attend-cases.ts';
import { vectorOf } from './case.ts';
import { ENGINES } from './engines.ts';

const [SHAPE] = ATTEND_SHAPES;
const { numHeads, numKvHeads, headDim } = SHAPE;
const config = shapeOf(numHeads, numKvHeads, headDim);
const ROW = numHeads * headDim;

function filledCache(engine: Engine, length: number) {
  const { k, v } = attendInputs(SHAPE, length);
  const cache = engine.kvCache(config, length);
  engine.reserve(cache, length);
  const all = [{ begin: 0, count: length, startPos: 0, cache }];
  engine.remember(vectorOf(engine, k), vectorOf(engine, v), 0, all);
  return cache;
}

/** Weights of 140 rows after 20, [numHeads, 140, 160]. */
function probsOf(engine: Engine): Promise<Values> {
  const [past, count] = [20, 140];
  const cache = filledCache(engine, past + count);
  const probs = engine.vector(numHeads * count * (past + count));
  const q = vectorOf(engine, attendInputs(SHAPE, past + count).q.subarray(past * ROW));
  engine.attend(engine.vector(count * ROW), q, 0, [{ begin: 0, count, startPos: past, cache }], probs);
  return engine.read(probs);
}

const exactProbs = probsOf(new ReferenceEngine());
/** How far a weight may be from the reference's: it moves by the error of two scores below 4 · sqrt(headDim). */
const PROBS_BOUND = {
  exact: 0,
  f32: 1e-5,
  f16: 8 * Math.sqrt(headDim) * 2 ** -11,
  q8: (8 * Math.sqrt(headDim)) / 254,
};

describe.each(ENGINES)('attend on $name', (tested) => {
  it('shows weights that sum to 1, are zero after the row, and are those of the reference', {
    tags: ['slow'],
  }, async () => {
    const probs = await probsOf(tested.make());
    expectClose(probs, await exactProbs, PROBS_BOUND[tested.cacheType], 'probs');
    const row = Array.from(probs).slice(3 * 160, 4 * 160);
    expect(row.slice(24).every((p) => p === 0)).toBe(true);
    expect(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1)).toBeLessThan(1e-5);
  });

  it('gives rows of three sequences in one call the bits of each alone', { tags: ['slow'] }, async () => {
    const compute = async (together: boolean) => {
      const engine = tested.make();
      const places = [
        { begin: 0, count: 1, startPos: 140 },
        { begin: 1, count: 5, startPos: 3 },
        { begin: 6, count: 2, startPos: 127 },
      ].map((place) => ({ ...place, cache: filledCache(engine, 160) }));
      const queries = vectorOf(engine, attendInputs(SHAPE, 160).q.subarray(0, 8 * ROW));
      const out = engine.vector(8 * ROW);
      if (together) engine.attend(out, queries, 0, places);
      else {
        for (const { begin, count, startPos, cache } of places) {
          const cut = (x: typeof out) => engine.view(x, begin * ROW, (begin + count) * ROW);
          engine.attend(cut(out), cut(queries), 0, [{ begin: 0, count, startPos, cache }]);
        }
      }
      return engine.read(out);
    };
    expect(await compute(true)).toEqual(await compute(false));
  });
});
