// Which rows share a chunk of 128, with 16 rows of long prompts beside answers.

import { expect, it } from 'vitest';
import { type Call, nextParts, progressOf } from '../../src/run/calls.ts';

/** A call for the next row of a cache of its own. */
function call(numIds: number): Call {
  const cache = { length: 0, maxSeqLen: 4096 };
  const ids = Array.from({ length: numIds }, () => 1);
  const entries = [progressOf({ ids, cache } as unknown as Parameters<typeof progressOf>[0])];
  return { entries, options: {}, resolve() {}, reject() {} };
}

/** Rows by call, 0 where it has to wait. */
function rowsOf(lengths: readonly number[], answersBear = 16): number[] {
  const calls = lengths.map(call);
  const parts = nextParts(calls, 128, (answerRows) => (answerRows > 0 ? answersBear : 128));
  return calls.map((one) => parts.find((part) => part.call === one)?.count ?? 0);
}

it('beside answers, prompts that fit a chunk fill it, and a longer one goes bit by bit', () => {
  expect(rowsOf([1, 64, 64])).toEqual([1, 64, 63]);
  expect(rowsOf([1, 1000])).toEqual([1, 16]);
  expect(rowsOf([1000])).toEqual([128]);
});

it('the oldest has a quarter of what is there for it, the others go by what they need', () => {
  expect(rowsOf([1000, 64, 64])).toEqual([32, 64, 32]);
  expect(rowsOf([1, 1000, 64, 20])).toEqual([1, 4, 64, 20]);
  expect(rowsOf([1, 1000, 120, 120])).toEqual([1, 4, 120, 3]);
  expect(rowsOf([1, 120, 1000, 20])).toEqual([1, 107, 0, 20]);
});
