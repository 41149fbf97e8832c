import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../src/base/errors.ts';
import { SMOLLM2_CONFIGS } from '../../src/config.ts';
import { expectedTensors } from '../../src/format/expected.ts';
import { fitModel, longestContext, planBytes, planModel } from '../../src/run/plan.ts';

const config = SMOLLM2_CONFIGS['135m'];

/** The tensors of the shipped file: Q4_1 with a Q8_0 embedding. */
const tensors = Array.from(expectedTensors(config), ([name, shape]) => ({
  dtype: shape.length === 1 ? 'F32' : name.includes('embed') ? 'Q8_0' : 'Q4_1',
  shape,
})) as { dtype: 'F32' | 'Q8_0' | 'Q4_1'; shape: number[] }[];

const one = { maxSeqLen: 1024, cacheType: 'q8', threads: 1 } as const;

describe('planModel', () => {
  it('counts the shipped file as 96.6 MB and its float32 cache of 1,024 positions as 47.2 MB', () => {
    const plan = planModel(config, tensors, { ...one, cacheType: 'f32', rowsPerPass: 128 });
    const megabytes = Object.fromEntries(plan.map(({ name, bytes }) => [name, Math.round(bytes / 1e5) / 10]));
    expect(megabytes).toMatchObject({ weights: 96.6, 'cache of 1024 positions in f32': 47.2 });
    expect(megabytes['activations of 128 rows']).toBe(6.7);
  });

  it('makes the activations of a short context no longer than the context', () => {
    const plan = planModel(config, tensors, { ...one, maxSeqLen: 16, rowsPerPass: 128 });
    expect(plan.map(({ name }) => name)).toContain('activations of 16 rows');
  });
});

describe('fitModel', () => {
  it('fits 1,024 positions in 8 bits into 128 MB with 32 rows per pass, into 134 MB with all 128', () => {
    expect(fitModel(config, tensors, one, 134e6).rowsPerPass).toBe(128);
    const { plan, rowsPerPass } = fitModel(config, tensors, one, 128e6);
    expect(planBytes(plan)).toBeLessThanOrEqual(128e6);
    expect(rowsPerPass).toBe(32);
  });

  it('takes all 128 rows where memory is no matter', () => {
    expect(fitModel(config, tensors, one).rowsPerPass).toBe(128);
  });

  it('refuses a float32 cache of 1,024 positions in 128 MB, with the sum that shows why', () => {
    const refused = () => fitModel(config, tensors, { ...one, cacheType: 'f32' }, 128e6);
    expect(refused).toThrow(OutOfMemoryError);
    expect(refused).toThrow(/47\.2 MB {2}cache of 1024 positions in f32/);
  });
});

describe('longestContext', () => {
  it('is longer in 8 bits than in 16, and what it names fits while one page more does not', () => {
    const at = (cacheType: 'f16' | 'q8') => longestContext(config, tensors, { cacheType, threads: 1 }, 128e6);
    expect(at('q8')).toBeGreaterThan(at('f16'));
    const options = { cacheType: 'q8', threads: 1 } as const;
    expect(() => fitModel(config, tensors, { ...options, maxSeqLen: at('q8') }, 128e6)).not.toThrow();
    expect(() => fitModel(config, tensors, { ...options, maxSeqLen: at('q8') + 128 }, 128e6)).toThrow();
  });

  it("is 0 where not even one page fits, and the model's own limit where there is room", () => {
    expect(longestContext(config, tensors, { cacheType: 'q8', threads: 1 }, 50e6)).toBe(0);
    expect(longestContext(config, tensors, { cacheType: 'q8', threads: 1 }, 8e9)).toBe(8192);
  });
});
