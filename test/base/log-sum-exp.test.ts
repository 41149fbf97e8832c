import { describe, expect, it } from 'vitest';
import { argmax } from '../../src/base/argmax.ts';
import { logSumExp } from '../../src/base/log-sum-exp.ts';
import { exp, log } from '../../src/base/math.ts';
import { randomF32 } from '../support/wasm.ts';

describe('logSumExp', () => {
  it.each([0.01, 1, 10, 60, 1000])('is within 4e-15 of the sum by exp for logits up to %d apart', (scale) => {
    for (let seed = 1; seed <= 40; seed++) {
      const logits = Float64Array.from(randomF32(777, seed, scale));
      const max = Math.max(...logits);
      // Both add up 777 terms, most of them tiny, in the same order: a few roundings of the sum remain.
      const expected = log(logits.reduce((sum, x) => sum + exp(x - max), 0));
      expect(Math.abs(logSumExp(logits) - max - expected)).toBeLessThan(4e-15 * Math.max(1, Math.abs(max)));
    }
  });

  it('takes a range, logits that are impossible, and equal ones of any size', () => {
    expect(logSumExp([9, 1, 1, 9], 1, 3)).toBe(1 + log(2));
    expect(logSumExp([3, Number.NEGATIVE_INFINITY])).toBe(3);
    expect(logSumExp([-5000, -5000])).toBe(-5000 + log(2));
    expect(logSumExp([Number.NaN, 1])).toBeNaN();
  });
});

describe('argmax', () => {
  it('is the first of the largest, in a range if one is given', () => {
    expect(argmax([1, 5, 5, 2])).toBe(1);
    expect(argmax([9, 1, 5, 5, 9], 1, 4)).toBe(2);
  });
});
