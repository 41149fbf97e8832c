import { describe, expect, it } from 'vitest';
import { permutationByPcg64, shuffleByRandomState } from '../../src/train/numpy-random.ts';
import { interleaved, mixtureShares, nanotronOrder } from '../../src/train/window-order.ts';

// Numbers printed by numpy 2 (numpy.random.default_rng(seed).permutation(n), RandomState(seed).shuffle(arange(n)))
// and by nanotron's build_nanoset_index_helper with the same shuffles.

describe('orders that numpy makes', () => {
  it('default_rng(42).permutation(10) and (7).permutation(9)', () => {
    expect([...permutationByPcg64(10, 42)]).toEqual([5, 6, 0, 7, 3, 2, 4, 9, 1, 8]);
    expect([...permutationByPcg64(1, 42)]).toEqual([0]);
    expect([...permutationByPcg64(0, 42)]).toEqual([]);
  });

  it('RandomState(42).shuffle(arange(10))', () => {
    const items = Uint32Array.from({ length: 10 }, (_, i) => i);
    shuffleByRandomState(items, 42);
    expect([...items]).toEqual([8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
  });
});

describe('the order of a mixture', () => {
  const lengths = [50, 30, 20];
  const shares = mixtureShares(lengths, [0.6, 0.3, 0.1]);

  it('gives each place to the set that is furthest behind its weight', () => {
    const { sets, windows, repeats } = interleaved(lengths, shares);
    expect([...sets.subarray(0, 12)]).toEqual([0, 1, 0, 2, 0, 1, 0, 0, 1, 0, 0, 1]);
    expect([...windows.subarray(0, 12)]).toEqual([0, 0, 1, 0, 2, 1, 3, 4, 2, 5, 6, 3]);
    expect(repeats).toEqual([1, 0, 0]);
  });

  it('shuffles as nanotron does from seed 8', () => {
    const { sets, windows } = nanotronOrder(lengths, shares, 8);
    expect([...sets.subarray(0, 16)]).toEqual([0, 2, 1, 0, 1, 0, 0, 0, 0, 2, 1, 0, 1, 0, 2, 1]);
    expect([...windows.subarray(0, 16)]).toEqual([10, 2, 0, 26, 16, 9, 1, 17, 37, 3, 29, 7, 3, 23, 0, 12]);
  });

  it('weighs sets by their length where no weights are given', () => {
    expect([...mixtureShares([30, 10], [undefined, undefined])]).toEqual([0.75, 0.25]);
  });

  it('sums weights as numpy does: eight at a time', () => {
    // numpy.sum gives 5.35; from left to right it is 5.3500000000000005.
    const weights = [0.13, 0.85, 0.76, 0.26, 0.5, 0.45, 0.65, 0.79, 0.09, 0.03, 0.84];
    expect(mixtureShares(weights, weights)[0]).toBe(0.13 / 5.35);
    expect(0.13 / 5.35).not.toBe(0.13 / 5.3500000000000005);
  });

  it('refuses more windows than it can order', () => {
    expect(() => interleaved([2 ** 28, 1], mixtureShares([2 ** 28, 1], [1, 1]))).toThrow(
      'data: expected at most 268435456 windows, got 268435457',
    );
  });
});
