// embed, rmsNorm, rope, swiglu and add, at lengths around one and two vectors and at real ones.

import { DTYPES, type DType } from '../../src/base/dtype.ts';
import { rotations } from '../../src/base/rotations.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import * as lanes from '../support/lanes.ts';
import { matrixTensor, randomF32, randomMatrix, shapeOf } from '../support/wasm.ts';
import { type ForwardCase, inChunks, outputOf, vectorOf } from './case.ts';

const LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 72, 576];
const EPS = 1e-5;

export const swigluCases = LENGTHS.map((length): ForwardCase => {
  const [gate, up] = [randomF32(length, 3, 30), randomF32(length, 4, 5)];
  return {
    name: `${length} values`,
    rows: 1,
    chunks: [],
    run: (engine) =>
      outputOf(engine, length, (out) => {
        engine.write(out, gate);
        engine.swiglu(out, out, vectorOf(engine, up));
      }),
    exact() {
      const values = Float64Array.from(gate, (g, i) => (g / (1 + Math.exp(-g))) * up[i]);
      return { values, magnitudes: values.map(Math.abs) };
    },
    // exp is within two roundings (one ulp); sum, quotient and product round once each.
    roundings: () => 6,
    lanes: () => [{ row: 0, values: gate.map((g, i) => lanes.swiglu(g, up[i])) }],
  };
});

export const addCases = LENGTHS.map((length): ForwardCase => {
  const [x, y] = [randomF32(length, 3, 30), randomF32(length, 4, 5)];
  return {
    name: `${length} values`,
    rows: 1,
    chunks: [],
    run: (engine) =>
      outputOf(engine, length, (out) => {
        engine.write(out, x);
        engine.add(out, vectorOf(engine, y));
      }),
    exact() {
      const values = Float64Array.from(x, (value, i) => value + y[i]);
      return { values, magnitudes: values.map(Math.abs) };
    },
    roundings: () => 1,
    lanes: () => [{ row: 0, values: x.map((value, i) => value + y[i]) }],
  };
});

export const rmsNormCases = LENGTHS.map((size): ForwardCase => {
  const rows = 3;
  const [x, weight] = [randomF32(rows * size, 5, 100), randomF32(size, 4, 5)];
  const rowOf = (t: number) => x.subarray(t * size, (t + 1) * size);
  return {
    name: `${rows} rows of ${size}`,
    rows,
    chunks: [1, 2],
    run: (engine, chunk) =>
      inChunks(rows, chunk, (begin, count) =>
        outputOf(engine, count * size, (out) => {
          engine.write(out, x.subarray(begin * size, (begin + count) * size));
          engine.rmsNorm(out, out, vectorOf(engine, weight), EPS);
        }),
      ),
    exact() {
      const values = new Float64Array(rows * size);
      for (let t = 0; t < rows; t++) {
        const meanSquare = rowOf(t).reduce((sum, value) => sum + value * value, 0) / size;
        rowOf(t).forEach((value, i) => {
          values[t * size + i] = (value / Math.sqrt(meanSquare + EPS)) * weight[i];
        });
      }
      return { values, magnitudes: values.map(Math.abs) };
    },
    // Everything in float64 (half the relative error of a sum comes through the root), then one rounding to float32.
    roundings: ({ activations }) => (activations === 'exact' ? size + 6 : 1.001),
    lanes: () => [0, 1, 2].map((row) => ({ row, values: lanes.rmsNorm(rowOf(row).slice(), weight, EPS) })),
  };
});

export const ropeCases = [2, 6, 8, 10, 16, 64].map((headDim): ForwardCase => {
  const [rows, numHeads, startPos] = [5, 3, 7];
  const rowSize = numHeads * headDim;
  const half = headDim / 2;
  const config = shapeOf(numHeads, numHeads, headDim);
  const x = randomF32(rows * rowSize, 9, 4);
  const { cos, sin } = rotations(config, 16);
  const anglesOf = (angles: Float64Array, t: number) =>
    angles.slice((startPos + t) * half, (startPos + t + 1) * half);
  return {
    name: `${rows} rows of ${numHeads} heads of ${headDim}, from position ${startPos}`,
    rows,
    chunks: [1, 3],
    run(engine, chunk) {
      const table = engine.ropeTable(config, 16);
      const cache = engine.kvCache(config, 16);
      return inChunks(rows, chunk, (begin, count) =>
        outputOf(engine, count * rowSize, (out) => {
          engine.write(out, x.subarray(begin * rowSize, (begin + count) * rowSize));
          engine.rope(out, table, numHeads, [{ begin: 0, count, startPos: startPos + begin, cache }]);
        }),
      );
    },
    exact() {
      const [values, magnitudes] = [new Float64Array(x.length), new Float64Array(x.length)];
      for (let at = 0; at < x.length; at += headDim) {
        const t = Math.floor(at / rowSize);
        for (let i = 0; i < half; i++) {
          const [c, s] = [anglesOf(cos, t)[i], anglesOf(sin, t)[i]];
          const [a, b] = [x[at + i], x[at + half + i]];
          values[at + i] = a * c - b * s;
          values[at + half + i] = b * c + a * s;
          magnitudes[at + i] = Math.abs(a * c) + Math.abs(b * s);
          magnitudes[at + half + i] = Math.abs(b * c) + Math.abs(a * s);
        }
      }
      return { values, magnitudes };
    },
    // Cosine and sine rounded, two products and their sum.
    roundings: () => 3.001,
    lanes: () =>
      Array.from({ length: rows }, (_, row) => {
        const [cosines, sines] = [cos, sin].map((angles) => Float32Array.from(anglesOf(angles, row)));
        const values = new Float32Array(rowSize);
        for (let h = 0; h < rowSize; h += headDim) {
          const head = x.slice(row * rowSize + h, row * rowSize + h + headDim);
          values.set(lanes.rope(head, cosines, sines), h);
        }
        return { row, values };
      }),
  };
});

/** Every row of a table of every type, more rows than a kernel takes at once. */
export const embedCases = (Object.keys(DTYPES) as DType[]).map((dtype): ForwardCase => {
  const inSize = Math.max(32, DTYPES[dtype].blockSize);
  const vocabSize = 21;
  const bytes = randomMatrix(dtype, vocabSize, inSize, 77);
  const ids = Array.from({ length: 140 }, (_, t) => (t * 8) % vocabSize);
  const table = new Float64Array(vocabSize * inSize);
  decodeToF64(dtype, bytes, 0, table, 0, table.length);
  // Plus zero: the sign of a zero is no number.
  const rowOf = (id: number) => table.slice(id * inSize, (id + 1) * inSize).map((value) => value + 0);
  return {
    name: `140 rows of ${dtype} [${vocabSize}, ${inSize}]`,
    rows: ids.length,
    chunks: [5, 130],
    async run(engine, chunk) {
      const matrix = await engine.loadMatrix(matrixTensor(dtype, vocabSize, inSize, bytes));
      const out = await inChunks(ids.length, chunk, (begin, count) =>
        outputOf(engine, count * inSize, (out) => engine.embed(out, matrix, ids.slice(begin, begin + count))),
      );
      return out.map((value) => value + 0);
    },
    exact() {
      const values = Float64Array.from(ids.flatMap((id) => [...rowOf(id)]));
      return { values, magnitudes: values.map(Math.abs) };
    },
    roundings: ({ activations }) => (activations === 'exact' ? 0 : 1),
    lanes: () => [{ row: 139, values: Float32Array.from(rowOf(ids[139])) }],
  };
});
