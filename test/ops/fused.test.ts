// A fused operation has the bits of the parts that stand beside it in src/model, on every engine that has one.

import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import type { Engine, KvCache, Matrix, Sequence, Vector } from '../../src/ops.ts';
import { SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { bitsOf, matrixTensor, randomF32, randomMatrix } from '../support/wasm.ts';
import { vectorOf } from './case.ts';
import { ENGINES } from './engines.ts';

const EPS = 1e-5;
const [NUM_HEADS, NUM_KV_HEADS, HEAD_DIM, WIDE] = [3, 1, 64, 96];
const TYPES: readonly (readonly [DType, number])[] = [
  ['Q4_1', 96],
  ['Q8_0', 96],
  ['Q4_K', 256],
  ['F16', 72],
];
/** Rows of each sequence of a pass. */
const PASSES: readonly (readonly number[])[] = [[1], [9], [1, 1, 1], [4, 1, 6]];

async function weightsOf(engine: Engine, dtype: DType, size: number) {
  const matrix = (outSize: number, inSize: number, seed: number): Promise<Matrix> =>
    engine.loadMatrix(matrixTensor(dtype, outSize, inSize, randomMatrix(dtype, outSize, inSize, seed)));
  const [q, kv] = [NUM_HEADS * HEAD_DIM, NUM_KV_HEADS * HEAD_DIM];
  const bias = vectorOf(engine, randomF32(kv, 9));
  return {
    norm: vectorOf(engine, randomF32(size, 1)),
    qkv: {
      qProj: await matrix(q, size, 2),
      kProj: await matrix(kv, size, 3),
      vProj: await matrix(kv, size, 4),
      kBias: bias,
    },
    gateUp: { gateProj: await matrix(WIDE, size, 5), upProj: await matrix(WIDE, size, 6) },
  };
}

/** Two passes of these rows, the second behind the first: what `compute` leaves in q, and what attention finds then. */
async function attentionBits(
  engine: Engine,
  counts: readonly number[],
  size: number,
  compute: (q: Vector, x: Vector, sequences: readonly Sequence[]) => void,
): Promise<string[]> {
  const config = { ...SMALL_CONFIG, numLayers: 1, numHeads: NUM_HEADS, numKvHeads: NUM_KV_HEADS };
  const caches: KvCache[] = counts.map(() => engine.kvCache(config, 40));
  const numRows = counts.reduce((sum, count) => sum + count);
  const seen: string[] = [];
  for (const pass of [0, 1]) {
    let begin = 0;
    const sequences = counts.map((count, n) => {
      const cache = caches[n];
      engine.reserve(cache, cache.length + count);
      begin += count;
      return { begin: begin - count, count, startPos: cache.length, cache };
    });
    const q = engine.vector(numRows * NUM_HEADS * HEAD_DIM);
    compute(q, vectorOf(engine, randomF32(numRows * size, 20 + pass)), sequences);
    const mixed = engine.vector(q.length);
    engine.attend(mixed, q, 0, sequences);
    for (const { cache, count } of sequences) cache.length += count;
    seen.push(bitsOf(await engine.read(q)), bitsOf(await engine.read(mixed)));
  }
  for (const cache of caches) engine.freeCache(cache);
  return seen;
}

const able = ENGINES.filter(({ make }) => make().fused);

describe.each(able)('$name', (tested) => {
  const engine = tested.make();
  const fused = engine.fused!;

  it.each(TYPES)(
    '%s [%i]: attentionInput, mlpInput and linearAdd have the bits of their parts',
    async (dtype, size) => {
      const { norm, qkv, gateUp } = await weightsOf(engine, dtype, size);
      const rope = engine.ropeTable({ ...SMALL_CONFIG, headDim: HEAD_DIM }, 40);
      const can = engine.fusible!(qkv, gateUp);
      expect(can.mlp).toBe(true);
      expect(can.attention).toBe(tested.cacheType !== 'q8');
      for (const counts of PASSES) {
        const numRows = counts.reduce((sum, count) => sum + count);
        const x = vectorOf(engine, randomF32(numRows * size, 30));
        const vectors = (...sizes: number[]) => sizes.map((one) => engine.vector(numRows * one));
        if (can.attention) {
          const parts = await attentionBits(engine, counts, size, (q, row, sequences) => {
            const [normed, k, v] = vectors(size, NUM_KV_HEADS * HEAD_DIM, NUM_KV_HEADS * HEAD_DIM);
            engine.rmsNorm(normed, row, norm, EPS);
            engine.linear(q, normed, qkv.qProj);
            engine.linear(k, normed, qkv.kProj, qkv.kBias);
            engine.linear(v, normed, qkv.vProj);
            engine.rope(q, rope, NUM_HEADS, sequences);
            engine.rope(k, rope, NUM_KV_HEADS, sequences);
            engine.remember(k, v, 0, sequences);
          });
          const whole = await attentionBits(engine, counts, size, (q, row, sequences) =>
            fused.attentionInput(q, row, norm, EPS, qkv, { layer: 0, rope, sequences }),
          );
          expect(whole, `attentionInput of ${counts}`).toEqual(parts);
        }

        const [normed, gate, up, act] = vectors(size, WIDE, WIDE, WIDE);
        engine.rmsNorm(normed, x, norm, EPS);
        engine.linear(gate, normed, gateUp.gateProj);
        engine.linear(up, normed, gateUp.upProj);
        engine.swiglu(gate, gate, up);
        fused.mlpInput(act, x, norm, EPS, gateUp);
        expect(bitsOf(await engine.read(act)), `mlpInput of ${counts}`).toBe(bitsOf(await engine.read(gate)));

        const [branch] = vectors(WIDE);
        engine.linear(branch, x, gateUp.upProj);
        engine.add(gate, branch);
        fused.linearAdd(act, x, gateUp.upProj);
        expect(bitsOf(await engine.read(act)), `linearAdd of ${counts}`).toBe(
          bitsOf(await engine.read(gate)),
        );
      }
    },
  );
});

it('there is an engine with fused operations', () => {
  expect(able.length).toBeGreaterThan(0);
});
