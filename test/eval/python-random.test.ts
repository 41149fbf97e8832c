import { describe, expect, it } from 'vitest';
import { PythonRandom } from '../../src/eval/python-random.ts';

// Values of CPython 3.11: random.Random(seed) and the calls named in the titles.
describe('PythonRandom', () => {
  it('gives the first three floats of Random(42) and of Random(0)', () => {
    const first = (seed: number) => {
      const random = new PythonRandom(seed);
      return [random.random(), random.random(), random.random()];
    };
    expect(first(42)).toEqual([0.6394267984578837, 0.025010755222666936, 0.27502931836911926]);
    expect(first(0)).toEqual([0.8444218515250481, 0.7579544029403025, 0.420571580830845]);
  });

  it('gives the 1,000th float of Random(42), past the first turn of the state', () => {
    const random = new PythonRandom(42);
    let last = 0;
    for (let n = 0; n < 1000; n++) last = random.random();
    expect(last).toBe(0.8554501933059546);
  });

  it('shuffles ten numbers as Random(42).shuffle', () => {
    const items = Array.from({ length: 10 }, (_, i) => i);
    new PythonRandom(42).shuffle(items);
    expect(items).toEqual([7, 3, 2, 8, 5, 6, 9, 4, 0, 1]);
  });

  it('samples from small and from large populations by the two methods of CPython', () => {
    const sample = (count: number, size: number) =>
      new PythonRandom(42).sample(
        Array.from({ length: size }, (_, i) => i),
        count,
      );
    expect(sample(5, 10)).toEqual([1, 0, 4, 9, 6]);
    expect(sample(5, 1000)).toEqual([654, 114, 25, 759, 281]);
    expect(sample(5, 22)).toEqual([20, 3, 0, 8, 7]);
    expect(sample(6, 86)).toEqual([81, 14, 3, 35, 31, 28]);
    expect(sample(8, 60)).toEqual([40, 7, 1, 47, 17, 15, 14, 8]);
  });

  it('refuses seeds that are not whole numbers below 2^32, and samples larger than the population', () => {
    expect(() => new PythonRandom(-1)).toThrow('seed: expected a whole number from 0 to 4294967295, got -1');
    expect(() => new PythonRandom(0.5)).toThrow(RangeError);
    expect(() => new PythonRandom(1).sample([1, 2], 3)).toThrow('sample: expected at most 2 items, got 3');
  });
});
