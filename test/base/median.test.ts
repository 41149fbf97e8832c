import { describe, expect, it } from 'vitest';
import { median } from '../../src/base/median.ts';

describe('median', () => {
  it('is the middle of 3 and the mean of the two middle ones of 4, in any order', () => {
    expect(median([9, -1, 4])).toBe(4);
    expect(median([100, 3, 5, 1])).toBe(4);
  });

  it('orders numbers as numbers and leaves its argument as it was', () => {
    const values = [10, 9, 1];
    expect(median(values)).toBe(9);
    expect(values).toEqual([10, 9, 1]);
  });

  it('refuses nothing', () => {
    expect(() => median([])).toThrow(new RangeError('values: expected at least one number, got none'));
  });
});
