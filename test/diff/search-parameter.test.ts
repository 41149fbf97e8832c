import { describe, expect, it } from 'vitest';
import { searchParameter } from '../../src/diff/search-parameter.ts';

/** A program whose number is `truth` where 1 is right, and whose output bends with the number's logarithm. */
function program(truth: number, { isSharp = 1e-3, isBlind = false } = {}) {
  const changeOf = (value: number) => Math.sinh(0.3 * Math.log(value));
  const tried: number[] = [];
  const test = async ({ detail }: { detail: string }) => {
    const value = Number(detail);
    tried.push(value);
    const reach = changeOf(value) / changeOf(truth);
    return { left: (reach - 1) ** 2, reach: isBlind ? 0 : reach, explains: Math.abs(reach - 1) < isSharp };
  };
  const search = {
    low: 1e-3,
    high: 1e3,
    hypothesis: (value: number) => ({ variant: {}, detail: `${value}` }),
  };
  return { tried, run: (far: boolean) => searchParameter(search, test, far) };
}

describe('searchParameter', () => {
  it.each([0.02, 0.5, 3, 12.345, 700])('finds %d behind a coarse grid in a few trials', async (truth) => {
    const { tried, run } = program(truth);
    await run(true);
    expect(Math.abs(tried[tried.length - 1] / truth - 1)).toBeLessThan(2e-3);
    expect(tried.length - 9).toBeLessThanOrEqual(8);
  });

  it('tries the round number that lies near, and stops there', async () => {
    const { tried, run } = program(50, { isSharp: 1e-12 });
    await run(true);
    expect(tried[tried.length - 1]).toBeCloseTo(50, 10);
    expect(tried.length - 9).toBeLessThanOrEqual(8);
  });

  it('looks between the steps of a grid that is too coarse to reach beyond the number', async () => {
    // Too large a number changes something else altogether: along the difference it reaches less again.
    const reachOf = (value: number) => {
      const x = Math.log(value / 0.2);
      return x < 0.4 ? 1 + x / 2 : 0.2;
    };
    const tried: number[] = [];
    const test = async ({ detail }: { detail: string }) => {
      const value = Number(detail);
      tried.push(value);
      const reach = reachOf(value);
      return { left: Math.min(1, (reach - 1) ** 2), reach, explains: Math.abs(reach - 1) < 1e-3 };
    };
    const hypothesis = (value: number) => ({ variant: {}, detail: `${value}` });
    await searchParameter({ low: 1 / 640, high: 2, hypothesis }, test, true);
    expect(tried[tried.length - 1]).toBeCloseTo(0.2, 3);
    expect(tried.length).toBeLessThanOrEqual(9 + 6 + 8);
  });

  it('turns to the other side where a change reaches as far in another direction', async () => {
    // Too short on both sides of the best of the grid, 1; what leaves nothing is 1.5.
    const reachOf = (x: number) => 1 - 0.8 * (x - Math.log(1.5)) * (x + Math.log(1.5));
    const tried: number[] = [];
    const test = async ({ detail }: { detail: string }) => {
      const x = Math.log(Number(detail));
      tried.push(Number(detail));
      return {
        left: Math.min(1, (x - Math.log(1.5)) ** 2),
        reach: reachOf(x),
        explains: Math.abs(x - Math.log(1.5)) < 1e-3,
      };
    };
    const hypothesis = (value: number) => ({ variant: {}, detail: `${value}` });
    await searchParameter({ low: 1e-2, high: 1e2, hypothesis }, test, true);
    expect(tried[tried.length - 1]).toBeCloseTo(1.5, 2);
  });

  it('goes on by golden section where no change reaches too far', async () => {
    const { tried, run } = program(7, { isBlind: true });
    await run(false);
    expect(Math.abs(tried[tried.length - 1] / 7 - 1)).toBeLessThan(2e-3);
  });
});
