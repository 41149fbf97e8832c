import { describe, expect, it } from 'vitest';
import { loadWeights } from '../../src/model/weights.ts';
import { modelHere } from '../../src/run/loaded-model.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import {
  bitsOf,
  kernelsOf,
  matrixTensor,
  randomMatrix,
  shapeOf,
  type TestedBuild,
  wasmEngine,
} from '../support/wasm.ts';

const [ROWS, IN, OUT] = [3, 64, 24];

async function parts() {
  const engine = wasmEngine();
  const matrix = await engine.loadMatrix(matrixTensor('Q4_1', OUT, IN, randomMatrix('Q4_1', OUT, IN, 1)));
  const cache = engine.kvCache(shapeOf(2, 1, 64), 256);
  const [x, out] = [engine.vector(ROWS * IN), engine.vector(ROWS * OUT)];
  return { engine, kernels: kernelsOf(engine), me: engine.scratch.alone().me, matrix, cache, x, out };
}

describe('the debug build', () => {
  it('takes a product whose shapes and addresses are right', async () => {
    const { kernels, me, matrix, x, out } = await parts();
    expect(() => kernels.linear(me, out.ptr, x.ptr, ROWS, matrix.ptr, 0)).not.toThrow();
  });

  it('refuses no rows, more than 128, and rows that reach beyond the memory', async () => {
    const { engine, kernels, me, matrix, x, out } = await parts();
    const linear = (rows: number, from = x.ptr) => kernels.linear(me, out.ptr, from, rows, matrix.ptr, 0);
    expect(() => linear(0)).toThrow('rows: expected 1 to 128');
    expect(() => linear(129)).toThrow('rows: expected 1 to 128');
    const end = engine.linearMemory.buffer.byteLength;
    expect(() => linear(ROWS, end - 4 * ROWS * IN + 4)).toThrow('expected an address in linear memory');
  });

  it('refuses addresses that are not aligned, constants of kernels, and outputs over inputs', async () => {
    const { kernels, me, matrix, x, out } = await parts();
    const linear = (to: number, from: number) => kernels.linear(me, to, from, ROWS, matrix.ptr, 0);
    expect(() => linear(out.ptr + 2, x.ptr)).toThrow('expected an address that 4 divides');
    expect(() => linear(16, x.ptr)).toThrow('expected an address in linear memory');
    expect(() => linear(x.ptr + 4, x.ptr)).toThrow('out: expected no overlap with an input');
  });

  it('refuses an id beyond the table', async () => {
    const { engine, matrix, x } = await parts();
    engine.embed(x, matrix, [OUT - 1]);
    expect(() => engine.embed(x, matrix, [OUT])).toThrow('ids: expected rows of the table');
  });

  it('refuses positions without a page', async () => {
    const { engine, cache } = await parts();
    const [k, v] = [engine.vector(64), engine.vector(64)];
    const remember = (startPos: number) =>
      engine.remember(k, v, 0, [{ begin: 0, count: 1, startPos, cache }]);
    engine.reserve(cache, 128);
    remember(127);
    expect(() => remember(128)).toThrow('page: expected');
    expect(() => remember(256)).toThrow('place: expected a position within the cache');
  });

  it('computes the bits of the release build', { tags: ['slow'] }, async () => {
    const logits = async (build: TestedBuild) => {
      const engine = wasmEngine({ build, headDim: SMALL_CONFIG.headDim });
      const { tensors } = randomCheckpoint(SMALL_CONFIG, () => 'Q4_1');
      const model = modelHere(engine, SMALL_CONFIG, await loadWeights(engine, SMALL_CONFIG, tensors));
      const ids = Array.from({ length: 140 }, (_, t) => (t * 37 + 11) % 61);
      return model.forward(ids, model.newCache(150), { logits: 'all' });
    };
    expect(bitsOf(await logits('debug'))).toBe(bitsOf(await logits('strict-single')));
  });
});
