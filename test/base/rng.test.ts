import { describe, expect, it } from 'vitest';
import { Rng, splitmix64 } from '../../src/base/rng.ts';

describe('splitmix64', () => {
  it('gives the first five outputs of seed 1234567 that Vigna published', () => {
    const outputs: bigint[] = [];
    for (let state = 1234567n, i = 0; i < 5; i++) {
      const step = splitmix64(state);
      state = step.state;
      outputs.push(step.output);
    }
    expect(outputs).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });
});

describe('Rng', () => {
  it('gives the first ten outputs of xoshiro128** from the state 1, 2, 3, 4', () => {
    const rng = new Rng([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, () => rng.nextWord())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  // Made by the published C code of both generators, compiled by gcc 12: seed 42, words 0-5 and 999,996-999,999.
  it('gives the words of the C code for seed 42, up to the millionth', { tags: ['slow'] }, () => {
    const rng = Rng.fromSeed(42);
    const words = Array.from({ length: 1_000_000 }, () => rng.nextWord());
    expect(words.slice(0, 6)).toEqual([1776835114, 4165204688, 17111135, 2317295270, 2792088233, 2554630222]);
    expect(words.slice(999_996)).toEqual([290752348, 4285321634, 1653669757, 2277284690]);
  });

  it('makes numbers of 53 bits from 27 and 26 bits of two words', () => {
    const rng = Rng.fromSeed(42n);
    expect([rng.next(), rng.next(), rng.next()]).toEqual([
      0.41370166815658871, 0.0039839933778147429, 0.65008370276388672,
    ]);
  });

  // 100,000 draws into 100 cells: chi-square with 99 degrees of freedom has mean 99 and deviation 14; 200 is 7 of them.
  it('spreads 100,000 numbers evenly over 100 cells', () => {
    const rng = Rng.fromSeed(7);
    const counts = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) counts[Math.floor(rng.next() * 100)]++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(200);
    expect(chiSquare).toBeGreaterThan(30);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53, -1n, 2n ** 64n])('refuses the seed %s', (seed) => {
    expect(() => Rng.fromSeed(seed)).toThrow(/^seed: expected a whole number/);
  });

  it('refuses a state of four zeros, from which xoshiro never leaves', () => {
    expect(() => new Rng([0, 0, 0, 0])).toThrow(RangeError);
  });
});
