import { describe, expect, it } from 'vitest';
import { closedOnError } from '../../src/base/close-on-error.ts';

describe('what is made of something open', () => {
  it('leaves it open; where making fails it is closed before the error goes on', async () => {
    const said: string[] = [];
    const open = { close: async () => void said.push('closed') };
    expect(await closedOnError(open, async () => 7)).toBe(7);
    expect(said).toEqual([]);
    const failing = closedOnError(open, () => {
      throw new RangeError('no');
    }).catch((error) => said.push(String(error)));
    await failing;
    expect(said).toEqual(['closed', 'RangeError: no']);
  });
});
