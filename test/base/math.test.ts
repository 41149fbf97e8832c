import { describe, expect, it } from 'vitest';
import { exp, log, pow, sinCos } from '../../src/base/math.ts';

/** Distance in units of the last place of `expected`. */
function ulps(actual: number, expected: number): number {
  if (actual === expected) return 0;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(expected))), -1022);
  return Math.abs(actual - expected) / 2 ** (exponent - 52);
}

/** `count` evenly spread points of [from, to], shifted off round numbers. */
function points(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.618)) / count);
}

// The host's functions are within 1 ulp of the truth (V8 uses fdlibm), ours too: at most 2 apart.
describe('base/math against the host', () => {
  it('exp is within 2 ulp on [-700, 700]', { tags: ['slow'] }, () => {
    for (const x of points(-700, 700, 20_001))
      expect(ulps(exp(x), Math.exp(x)), `exp(${x})`).toBeLessThanOrEqual(2);
    for (const x of points(-1, 1, 20_001))
      expect(ulps(exp(x), Math.exp(x)), `exp(${x})`).toBeLessThanOrEqual(2);
  });

  it('log is within 2 ulp on [1e-300, 1e300], and near 1', { tags: ['slow'] }, () => {
    for (const e of points(-300, 300, 20_001)) {
      const x = 10 ** e;
      expect(ulps(log(x), Math.log(x)), `log(${x})`).toBeLessThanOrEqual(2);
    }
    for (const x of points(0.5, 2, 20_001))
      expect(ulps(log(x), Math.log(x)), `log(${x})`).toBeLessThanOrEqual(2);
  });

  it('sinCos is within 2 ulp up to 131,072 radians', { tags: ['slow'] }, () => {
    for (const x of [...points(-10, 10, 20_001), ...points(0, 131_072, 20_001)]) {
      const { sin, cos } = sinCos(x);
      expect(ulps(sin, Math.sin(x)), `sin(${x})`).toBeLessThanOrEqual(2);
      expect(ulps(cos, Math.cos(x)), `cos(${x})`).toBeLessThanOrEqual(2);
    }
  });

  it('pow(theta, -2i/d) is within 16 ulp for the thetas of the family', () => {
    for (const theta of [10_000, 100_000, 130_000, 500_000, 1_000_000]) {
      for (let i = 0; i < 64; i++) {
        expect(ulps(pow(theta, -i / 64), theta ** (-i / 64)), `${theta}^-${i}/64`).toBeLessThanOrEqual(16);
      }
    }
  });

  it('has the limits that softmax relies on', () => {
    expect(exp(0)).toBe(1);
    expect(exp(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exp(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(Number.NaN)).toBeNaN();
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(-1)).toBeNaN();
    expect(sinCos(0)).toEqual({ sin: 0, cos: 1 });
    expect(() => sinCos(2 ** 20)).toThrow(RangeError);
  });
});
