// linear, at every type of weights and sizes around the blocks and vectors of each family.

import { DTYPES, type DType } from '../../src/base/dtype.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import * as lanes from '../support/lanes.ts';
import { matrixTensor, randomF32, randomMatrix } from '../support/wasm.ts';
import { type ForwardCase, inChunks, outputOf, vectorOf } from './case.ts';
import type { TestedEngine } from './engines.ts';

const FAMILIES: readonly { dtypes: readonly DType[]; sizes: readonly (readonly [number, number])[] }[] = [
  {
    dtypes: ['F64', 'F32', 'F16', 'BF16'],
    sizes: [1, 2, 3, 5, 8, 31, 32, 33, 48, 64, 72, 100, 576].map((inSize) => [11, inSize] as const),
  },
  {
    dtypes: ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL'],
    sizes: [
      [1, 32],
      [7, 64],
      [8, 96],
      [19, 576],
    ],
  },
  {
    dtypes: ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'],
    sizes: [
      [5, 256],
      [16, 512],
    ],
  },
];

/** Types of 4 bits, whose activations have bytes in the relaxed build. */
const FOUR_BITS: ReadonlySet<DType> = new Set(['Q4_0', 'Q4_1', 'Q4_K']);
const ROWS = 9;

export const linearCases = FAMILIES.flatMap(({ dtypes, sizes }) =>
  dtypes.flatMap((dtype) => sizes.map(([outSize, inSize]) => linearCase(dtype, outSize, inSize))),
);

function linearCase(dtype: DType, outSize: number, inSize: number): ForwardCase {
  const bytes = randomMatrix(dtype, outSize, inSize, 7 * inSize + outSize);
  const weight = new Float64Array(outSize * inSize);
  decodeToF64(dtype, bytes, 0, weight, 0, weight.length);
  const x = randomF32(ROWS * inSize, inSize, 3);
  const isDense = DTYPES[dtype].blockSize === 1;
  const rowOf = (t: number) => x.subarray(t * inSize, (t + 1) * inSize);
  const weightsOf = (o: number) => weight.subarray(o * inSize, (o + 1) * inSize);
  const each = (value: (row: Float32Array, weights: Float64Array) => number) =>
    Float64Array.from({ length: ROWS * outSize }, (_, at) =>
      value(rowOf(Math.floor(at / outSize)), weightsOf(at % outSize)),
    );
  return {
    name: `${ROWS} rows, ${dtype} [${outSize}, ${inSize}]`,
    rows: ROWS,
    chunks: [1, 2, 3, 5],
    async run(engine, chunk) {
      const matrix = await engine.loadMatrix(matrixTensor(dtype, outSize, inSize, bytes));
      return inChunks(ROWS, chunk, (begin, count) => {
        const rows = vectorOf(engine, x.subarray(begin * inSize, (begin + count) * inSize));
        return outputOf(engine, count * outSize, (out) => engine.linear(out, rows, matrix));
      });
    },
    exact: () => ({
      values: each((row, weights) => row.reduce((sum, value, i) => sum + value * weights[i], 0)),
      magnitudes: each((row, weights) =>
        row.reduce((sum, value, i) => sum + Math.abs(value * weights[i]), 0),
      ),
    }),
    roundings: (engine) => roundings(engine, dtype, inSize),
    slack: ({ activations }) => {
      const levels = { exact: 0, precise: 0, fast: 32767, bytes: FOUR_BITS.has(dtype) ? 127 : 32767 }[
        activations
      ];
      if (isDense || levels === 0) return 2 ** -149;
      // Half a step of the largest of a block, for every activation.
      return each((row, weights) => 1.01 * halfSteps(row, weights, levels));
    },
    lanes: (engine) => lanesOf(engine, dtype, bytes, inSize, weight, rowOf),
  };
}

/**
 * Float64 adds one product after the other. Dense weights: a sum of 32 terms in float32 (31 roundings and one of each
 * product). `precise`: one rounding of the result, quantised inputs (2^-29 of a block's largest,
 * assembly/quantise.ts) and roundings of scales in wide formats. `fast`: one rounding for each block; a scale and a
 * minimum may cancel, so q · d alone is up to 16 times the value they leave. F64 weights are narrowed when loaded.
 */
function roundings({ activations }: TestedEngine, dtype: DType, inSize: number): number {
  if (activations === 'exact') return inSize + 1;
  if (DTYPES[dtype].blockSize === 1) return dtype === 'F64' ? 66 : 33;
  return activations === 'precise' ? 2 : 16 * (inSize / 32 + 4);
}

function halfSteps(row: Float32Array, weights: Float64Array, levels: number): number {
  let sum = 0;
  for (let i = 0; i < row.length; i += 32) {
    const block = row.subarray(i, i + 32);
    const step = Math.max(...block.map(Math.abs)) / levels;
    for (let k = 0; k < block.length; k++) sum += 0.5 * step * Math.abs(weights[i + k]);
  }
  return sum;
}

/** The first row and three outputs by the lane model, for types whose blocks are read below. */
function lanesOf(
  { activations }: TestedEngine,
  dtype: DType,
  bytes: Uint8Array,
  inSize: number,
  weight: Float64Array,
  rowOf: (t: number) => Float32Array,
) {
  const outSize = weight.length / inSize;
  const x = rowOf(0).slice();
  const values = new Float32Array(outSize);
  if (DTYPES[dtype].blockSize === 1) {
    if (dtype === 'F64') return undefined;
    for (let o = 0; o < outSize; o++) {
      values[o] = lanes.linearDense(x, weight.subarray(o * inSize, (o + 1) * inSize));
    }
    return [{ row: 0, values }];
  }
  const read = BLOCKS[dtype];
  if (!read) return undefined;
  const blockBytes = DTYPES[dtype].blockBytes;
  const numBlocks = inSize / 32;
  for (let o = 0; o < outSize; o++) {
    const blocks = Array.from({ length: numBlocks }, (_, b) =>
      read(new DataView(bytes.buffer, (o * numBlocks + b) * blockBytes, blockBytes)),
    ).flat();
    values[o] = activations === 'precise' ? lanes.linearPrecise(x, blocks) : lanes.linearFast(x, blocks);
  }
  return [{ row: 0, values }];
}

function half(block: DataView, at: number): number {
  const value = new Float64Array(1);
  decodeToF64('F16', new Uint8Array(block.buffer, block.byteOffset + at, 2), 0, value, 0, 1);
  return value[0];
}

const nibble = (block: DataView, at: number, i: number) =>
  (block.getUint8(at + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;
const numbers = (value: (i: number) => number) => Array.from({ length: 32 }, (_, i) => value(i));

/** Blocks as the lane models take them; Q5_1 is packed in blocks of 16. */
const BLOCKS: Partial<Record<DType, (block: DataView) => lanes.WeightBlock[]>> = {
  Q8_0: (block) => [{ d: half(block, 0), m: 0, q: numbers((i) => block.getInt8(2 + i)) }],
  Q4_1: (block) => [{ d: half(block, 0), m: half(block, 2), q: numbers((i) => nibble(block, 4, i)) }],
  Q5_1: (block) => {
    const [d, m] = [half(block, 0), half(block, 2)];
    const q = numbers((i) => nibble(block, 8, i) + (((block.getUint32(4, true) >>> i) & 1) << 4));
    return [
      { d, m, q: q.slice(0, 16) },
      { d, m, q: q.slice(16) },
    ];
  },
};
