// The scalar functions that kernels are built on, as they are exported for tests.

import { describe, expect, it } from 'vitest';
import { decodeToF64 } from '../../src/quant/decode.ts';
import * as lanes from '../support/lanes.ts';
import { kernelsOf, wasmEngine } from '../support/wasm.ts';

describe('exp', () => {
  const engine = wasmEngine();
  const exp = (x: number) => kernelsOf(engine).exp1(x);

  it('equals its lane model on 20001 numbers from -100 to 100', { tags: ['slow'] }, () => {
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
  it('gives every float16 back, and rounds halfway cases between neighbours to even', {
    tags: ['slow'],
  }, () => {
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
