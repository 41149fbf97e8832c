import { describe, expect, it } from 'vitest';
import { DTYPES, type DType } from '../../src/base/dtype.ts';
import { rotations } from '../../src/base/rotations.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import { EPS32, expectClose } from '../support/close.ts';
import * as lanes from '../support/lanes.ts';
import { kernelsOf, matrixTensor, randomF32, randomMatrix, shapeOf, wasmEngine } from '../support/wasm.ts';

/** Every length round one and two vectors, and a real one. */
const LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 72, 576];

describe('exp', () => {
  const engine = wasmEngine();
  const exp = (x: number) => kernelsOf(engine).exp1(x);

  it('equals its lane model on 20001 numbers from -100 to 100', () => {
    for (let i = -10_000; i <= 10_000; i++) expect(exp(i / 100)).toBe(lanes.exp(i / 100));
  });

  it('is within 1 ulp of the exponential on [-87, 88], and 1 at 0', () => {
    let worst = 0;
    for (let x = -87; x < 88; x += 0.0137) {
      const exact = Math.exp(Math.fround(x));
      worst = Math.max(worst, Math.abs(exp(x) - exact) / exact / 2 ** -23);
    }
    expect(worst).toBeLessThanOrEqual(1);
    expect(exp(0)).toBe(1);
  });

  it('keeps NaN', () => {
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('halfOf', () => {
  it('gives every float16 back, and rounds halfway cases between neighbours to even', () => {
    const { halfOf } = kernelsOf(wasmEngine());
    const value = new Float64Array(1);
    const decode = (bits: number) => {
      decodeToF64('F16', new Uint8Array([bits & 255, bits >> 8]), 0, value, 0, 1);
      return value[0];
    };
    for (let bits = 0; bits < 0x7c00; bits++) {
      expect(halfOf(decode(bits))).toBe(bits);
      expect(halfOf(-decode(bits))).toBe(bits | 0x8000);
      if (bits < 0x7bff) expect(halfOf((decode(bits) + decode(bits + 1)) / 2)).toBe(bits + (bits & 1));
    }
  });

  it('saturates at 65504 and keeps NaN', () => {
    const { halfOf } = kernelsOf(wasmEngine());
    expect([1e6, Number.POSITIVE_INFINITY, -1e6].map(halfOf)).toEqual([0x7bff, 0x7bff, 0xfbff]);
    expect(halfOf(Number.NaN) & 0x7c00).toBe(0x7c00);
  });
});

describe.each(LENGTHS)('values one by one, length %i', (length) => {
  const engine = wasmEngine();
  const guard = 12345;
  /** A vector with a guard behind it, which no kernel may touch. */
  const load = (values: Float32Array) => {
    const whole = engine.vector(values.length + 1);
    engine.write(whole, [...values, guard]);
    return {
      x: engine.view(whole, 0, values.length),
      last: engine.view(whole, values.length, values.length + 1),
    };
  };
  const a = randomF32(length, 3, 30);
  const b = randomF32(length, 4, 5);

  it('swiglu equals its lane model and leaves what follows alone', () => {
    const { x: gate, last } = load(a);
    const { x: up } = load(b);
    engine.swiglu(gate, gate, up);
    expect(engine.readNow(gate)).toEqual(a.map((value, i) => lanes.swiglu(value, b[i])));
    expect(engine.readNow(last)[0]).toBe(guard);
  });

  it('add equals float32 addition and leaves what follows alone', () => {
    const { x, last } = load(a);
    engine.add(x, load(b).x);
    expect(engine.readNow(x)).toEqual(a.map((value, i) => value + b[i]));
    expect(engine.readNow(last)[0]).toBe(guard);
  });

  it('rmsNorm of 3 rows equals its lane model', () => {
    const rows = randomF32(3 * length, 5, 100);
    const { x, last } = load(rows);
    const { x: weight } = load(b);
    engine.rmsNorm(x, x, weight, 1e-5);
    for (let t = 0; t < 3; t++) {
      const expected = lanes.rmsNorm(rows.slice(t * length, (t + 1) * length), b, 1e-5);
      expect(engine.readNow(engine.view(x, t * length, (t + 1) * length))).toEqual(expected);
    }
    expect(engine.readNow(last)[0]).toBe(guard);
  });
});

describe('against the float64 reference', () => {
  it('rmsNorm is within one rounding', () => {
    const engine = wasmEngine();
    const x = randomF32(576, 1, 50);
    const weight = randomF32(576, 2);
    const [xs, ws] = [engine.vector(576), engine.vector(576)];
    engine.write(xs, x);
    engine.write(ws, weight);
    engine.rmsNorm(xs, xs, ws, 1e-5);
    const expected = new Float64Array(576);
    new ReferenceEngine().rmsNorm(expected, Float64Array.from(x), Float64Array.from(weight), 1e-5);
    const got = engine.readNow(xs);
    got.forEach((value, i) =>
      expectClose([value], [expected[i]], EPS32 * 1.001 * Math.abs(expected[i]), `${i}`),
    );
  });
});

describe.each([2, 6, 8, 10, 16, 64])('rope, heads of %i', (headDim) => {
  it('5 rows of 3 heads at positions 7 … 11 equal the lane model', () => {
    const engine = wasmEngine();
    const config = shapeOf(3, 3, headDim);
    const table = engine.ropeTable(config, 16);
    const cache = engine.kvCache(config, 16);
    const x = randomF32(5 * 3 * headDim, 9, 4);
    const vector = engine.vector(x.length);
    engine.write(vector, x);
    engine.rope(vector, table, 3, [{ begin: 0, count: 5, startPos: 7, cache }]);
    const { cos, sin } = rotations(config, 16);
    const half = headDim / 2;
    const got = engine.readNow(vector);
    for (let t = 0; t < 5; t++) {
      const at = (7 + t) * half;
      const row = (angles: Float64Array) => Float32Array.from(angles.slice(at, at + half));
      for (let h = 0; h < 3; h++) {
        const head = (t * 3 + h) * headDim;
        const expected = lanes.rope(x.slice(head, head + headDim), row(cos), row(sin));
        expect(got.slice(head, head + headDim)).toEqual(expected);
      }
    }
  });
});

describe.each(Object.keys(DTYPES) as DType[])('embed, %s', (dtype) => {
  it('every row of the table is what the file says, rounded to float32', async () => {
    const inSize = Math.max(32, DTYPES[dtype].blockSize);
    const vocabSize = 21;
    const engine = wasmEngine();
    const bytes = randomMatrix(dtype, vocabSize, inSize, 77);
    const table = await engine.loadMatrix(matrixTensor(dtype, vocabSize, inSize, bytes));
    const ids = Array.from({ length: 200 }, (_, t) => (t * 8) % vocabSize);
    const out = engine.vector(ids.length * inSize);
    engine.embed(out, table, ids);
    const values = new Float64Array(vocabSize * inSize);
    decodeToF64(dtype, bytes, 0, values, 0, values.length);
    const got = engine.readNow(out);
    ids.forEach((id, t) => {
      // Both sides plus zero: the sign of a zero is no number.
      const expected = Float32Array.from(values.slice(id * inSize, (id + 1) * inSize), (value) => value + 0);
      expect(got.slice(t * inSize, (t + 1) * inSize).map((value) => value + 0)).toEqual(expected);
    });
  });
});
