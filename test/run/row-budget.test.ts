import { expect, it } from 'vitest';
import { RowBudget } from '../../src/run/row-budget.ts';

/** 16 answers take 60 ms a pass and one takes 20; a row of a prompt adds 4. */
function measured(): RowBudget {
  const budget = new RowBudget();
  budget.report(16, 0, 60);
  budget.report(16, 20, 60 + 20 * 4);
  budget.report(1, 0, 20);
  return budget;
}

it('beside a long prompt a pass takes twice as long as without, at most', () => {
  expect(measured().rows(16, 128)).toBe(15);
  expect(measured().rows(1, 128)).toBe(8); // 5 would do; fewer than 8 cost as much
});

it('a number of answers that was never measured costs what its rows cost beyond the nearest one', () => {
  expect(measured().rows(21, 128)).toBe((60 + 5 * 4) / 4);
  expect(measured().rows(21, 36)).toBe(15); // no more than the chunk holds
});

it('learns from chunks with prompts where there is no other', () => {
  const budget = new RowBudget();
  budget.report(0, 100, 400);
  budget.report(1, 16, 84);
  expect(budget.rows(1, 128)).toBe(8);
  expect(budget.rows(16, 128)).toBe((20 + 15 * 4) / 4);
});

it('fills a pass where no answer runs, and learns the first times from a few rows', () => {
  expect(new RowBudget().rows(0, 128)).toBe(128);
  expect(new RowBudget().rows(3, 128)).toBe(16);
});
