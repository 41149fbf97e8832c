import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/wasm/pace.ts';
import { threadsFor } from '../../src/wasm/platform.ts';

/** Runs passes against a machine: what a pass takes with so many workers. Returns workers and total time. */
function simulate(numPasses: number, numWorkers: number, ms: (numActive: number, pass: number) => number) {
  const pace = new Pace(numWorkers);
  const active: number[] = [];
  let total = 0;
  for (let pass = 0; pass < numPasses; pass++) {
    const numActive = pace.next();
    active.push(numActive);
    total += ms(numActive, pass);
    pace.report(numActive, ms(numActive, pass));
  }
  return { active, total };
}

describe('Pace', () => {
  it('on a quiet machine, 999 of 1000 passes are done by the whole team', () => {
    const { active } = simulate(1000, 4, (n, pass) => (n === 4 ? 3 : 8) + 0.004 * pass);
    expect(active.filter((n) => n === 4).length).toBeGreaterThanOrEqual(998);
    expect(active.filter((n) => n === 1).length).toBeGreaterThanOrEqual(1);
  });

  it('on a crowded machine, where the team is five times slower than one, 1000 passes cost at most 1.3 of one', () => {
    const { total } = simulate(1000, 4, (n) => (n === 4 ? 100 : 20));
    expect(total).toBeLessThan(1.3 * 1000 * 20);
  });

  it('a crowd that leaves is noticed: the last 100 of 1000 passes are done together', () => {
    const { active } = simulate(1000, 2, (n, pass) =>
      n === 2 ? (pass < 300 ? 100 : 5) : pass < 300 ? 20 : 8,
    );
    expect(active.slice(-100).every((n) => n === 2)).toBe(true);
  });

  it('a crowd that comes is noticed within 30 passes', () => {
    const { active } = simulate(1000, 2, (n, pass) =>
      n === 2 ? (pass > 500 ? 100 : 5) : pass > 500 ? 20 : 8,
    );
    expect(active.slice(0, 500).filter((n) => n === 1).length).toBeLessThanOrEqual(2);
    expect(active.slice(510, 530).filter((n) => n === 1).length).toBeGreaterThanOrEqual(15);
  });

  it('one worker is always one worker', () => {
    expect(simulate(20, 1, () => 8).active.every((n) => n === 1)).toBe(true);
  });
});

describe('threadsFor', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [8, 7],
    [64, 8],
  ])('%i cores: %i threads', (cores, threads) => {
    expect(threadsFor(cores)).toBe(threads);
  });
});
