import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import * as lanes from '../support/lanes.ts';
import { bitsOf, matrixTensor, randomF32, randomMatrix, wasmEngine } from '../support/wasm.ts';

const DTYPES_OF: Record<string, readonly DType[]> = {
  dense: ['F64', 'F32', 'F16', 'BF16'],
  'blocks of 32': ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL'],
  'super-blocks of 256': ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'],
};
/** Sizes around the blocks and vectors of each family: [outSize, inSize]. */
const SIZES: Record<string, readonly (readonly [number, number])[]> = {
  dense: [1, 2, 3, 5, 8, 31, 32, 33, 48, 64, 72, 100].map((inSize) => [11, inSize] as const),
  'blocks of 32': [
    [1, 32],
    [7, 64],
    [8, 96],
    [19, 576],
  ],
  'super-blocks of 256': [
    [5, 256],
    [16, 512],
  ],
};
const CASES = Object.entries(DTYPES_OF).flatMap(([family, dtypes]) =>
  dtypes.flatMap((dtype) =>
    SIZES[family].flatMap(([outSize, inSize]) =>
      (['fast', 'precise'] as const).map((precision) => ({ family, dtype, outSize, inSize, precision })),
    ),
  ),
);

/**
 * How far a result may be from float64 on the decoded weights. precise: one rounding of the result, quantised
 * inputs (2^-29 of a block's largest, assembly/quantise.ts) and roundings of scales in wide formats, all under
 * 2^-24 of the sum of magnitudes. dense: a sum of 32 terms in float32 (31 roundings and one of each product).
 * fast: half a step of 1 / 32767 per activation, and one float32 rounding per block.
 */
function bound(family: string, precision: string, x: Float32Array, weight: Float64Array): number {
  let magnitude = 0;
  let steps = 0;
  for (let i = 0; i < x.length; i += 32) {
    const block = x.subarray(i, i + 32);
    const most = Math.max(...block.map(Math.abs));
    for (let k = 0; k < block.length; k++) {
      magnitude += Math.abs(block[k] * weight[i + k]);
      steps += (most / 32767) * 0.5 * Math.abs(weight[i + k]);
    }
  }
  if (family === 'dense') return 33 * 2 ** -24 * magnitude;
  if (precision === 'precise') return 2 * 2 ** -24 * magnitude + 2 ** -149;
  // A scale and a minimum may cancel: q · d alone is up to 16 times the value they leave.
  return 1.01 * steps + 16 * (x.length / 32 + 4) * 2 ** -24 * magnitude;
}

describe.each(CASES)('linear, $dtype [$outSize, $inSize], $precision', (c) => {
  const { family, dtype, outSize, inSize, precision } = c;
  const rows = 9;
  const bytes = randomMatrix(dtype, outSize, inSize, 7 * inSize + outSize);
  const weight = new Float64Array(outSize * inSize);
  decodeToF64(dtype, bytes, 0, weight, 0, weight.length);
  const x = randomF32(rows * inSize, inSize, 3);
  const engine = wasmEngine({ precision });
  const loaded = engine.loadMatrix(matrixTensor(dtype, outSize, inSize, bytes));
  const run = async (from: number, count: number) => {
    const matrix = await loaded;
    const mark = engine.mark();
    const input = engine.vector(count * inSize);
    const out = engine.vector(count * outSize);
    engine.write(input, x.subarray(from * inSize, (from + count) * inSize));
    engine.linear(out, input, matrix);
    const results = engine.readNow(out);
    engine.release(mark);
    return results;
  };

  it('9 rows stay within the bound of float64 on the decoded weights', async () => {
    const out = await run(0, rows);
    let worst = 0; // as a share of what is allowed
    for (let t = 0; t < rows; t++) {
      for (let o = 0; o < outSize; o++) {
        const row = x.subarray(t * inSize, (t + 1) * inSize);
        const weights = weight.subarray(o * inSize, (o + 1) * inSize);
        const exact = row.reduce((sum, value, i) => sum + value * weights[i], 0);
        // F64 weights are narrowed to float32 when they are loaded: half an ulp of each.
        const narrowing = dtype === 'F64' ? 2 : 1;
        const off = Math.abs(out[t * outSize + o] - exact);
        worst = Math.max(worst, off / (narrowing * bound(family, precision, row, weights)));
      }
    }
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('one row alone and 2 to 8 rows together have the bits of 9', async () => {
    const all = await run(0, rows);
    for (let count = 1; count < rows; count++) {
      const from = count % 3;
      const some = await run(from, Math.min(count, rows - from));
      expect(bitsOf(some)).toBe(bitsOf(all.slice(from * outSize, from * outSize + some.length)));
    }
  });
});

describe('linear, lane models', () => {
  it.each([32, 64, 576])('Q8_0 with %i columns equals its lane model in both precisions', async (inSize) => {
    const bytes = randomMatrix('Q8_0', 3, inSize, inSize);
    await expectLanes('Q8_0', bytes, inSize, (row) => blocksOf(bytes, row, inSize, 34, q8Block));
  });

  it.each([32, 64, 576])('Q4_1 with %i columns equals its lane model in both precisions', async (inSize) => {
    const bytes = randomMatrix('Q4_1', 3, inSize, inSize);
    await expectLanes('Q4_1', bytes, inSize, (row) => blocksOf(bytes, row, inSize, 20, q41Block));
  });

  it.each([32, 64, 576])('Q5_1 with %i columns, in blocks of 16, equals its lane model', async (inSize) => {
    const bytes = randomMatrix('Q5_1', 3, inSize, inSize);
    await expectLanes('Q5_1', bytes, inSize, (row) =>
      blocksOf(bytes, row, inSize, 24, q51Block).flatMap(({ d, m, q }) => [
        { d, m, q: q.slice(0, 16) },
        { d, m, q: q.slice(16) },
      ]),
    );
  });

  it.each([1, 4, 31, 32, 33, 72, 576])('F32 with %i columns equals its lane model', async (inSize) => {
    const bytes = randomMatrix('F32', 3, inSize, inSize);
    const weight = new Float32Array(bytes.buffer);
    const x = randomF32(inSize, 5);
    const out = await one('F32', bytes, inSize, x, 'fast');
    const row = (o: number) => weight.subarray(o * inSize, (o + 1) * inSize);
    expect([...out]).toEqual([0, 1, 2].map((o) => lanes.linearDense(x, row(o))));
  });
});

async function one(
  dtype: DType,
  bytes: Uint8Array,
  inSize: number,
  x: Float32Array,
  precision: 'fast' | 'precise',
) {
  const engine = wasmEngine({ precision });
  const matrix = await engine.loadMatrix(matrixTensor(dtype, 3, inSize, bytes));
  const input = engine.vector(inSize);
  const out = engine.vector(3);
  engine.write(input, x);
  engine.linear(out, input, matrix);
  return engine.readNow(out);
}

async function expectLanes(
  dtype: DType,
  bytes: Uint8Array,
  inSize: number,
  row: (o: number) => readonly lanes.WeightBlock[],
) {
  const x = randomF32(inSize, 3 * inSize, 20);
  const fast = await one(dtype, bytes, inSize, x, 'fast');
  const precise = await one(dtype, bytes, inSize, x, 'precise');
  expect([...fast]).toEqual([0, 1, 2].map((o) => lanes.linearFast(x, row(o))));
  expect([...precise]).toEqual([0, 1, 2].map((o) => lanes.linearPrecise(x, row(o))));
}

function blocksOf(
  bytes: Uint8Array,
  row: number,
  inSize: number,
  blockBytes: number,
  read: (block: DataView) => lanes.WeightBlock,
): lanes.WeightBlock[] {
  const numBlocks = inSize / 32;
  return Array.from({ length: numBlocks }, (_, b) => {
    return read(new DataView(bytes.buffer, (row * numBlocks + b) * blockBytes, blockBytes));
  });
}

function half(block: DataView, at: number): number {
  const value = new Float64Array(1);
  decodeToF64('F16', new Uint8Array(block.buffer, block.byteOffset + at, 2), 0, value, 0, 1);
  return value[0];
}

const q8Block = (block: DataView): lanes.WeightBlock => ({
  d: half(block, 0),
  m: 0,
  q: Array.from({ length: 32 }, (_, i) => block.getInt8(2 + i)),
});

const nibble = (block: DataView, at: number, i: number) =>
  (block.getUint8(at + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;

const q41Block = (block: DataView): lanes.WeightBlock => ({
  d: half(block, 0),
  m: half(block, 2),
  q: Array.from({ length: 32 }, (_, i) => nibble(block, 4, i)),
});

const q51Block = (block: DataView): lanes.WeightBlock => ({
  d: half(block, 0),
  m: half(block, 2),
  q: Array.from(
    { length: 32 },
    (_, i) => nibble(block, 8, i) + (((block.getUint32(4, true) >>> i) & 1) << 4),
  ),
});
