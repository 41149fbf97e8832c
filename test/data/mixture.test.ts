import { describe, expect, it } from 'vitest';
import { readMixRecipe, wantedAmounts } from '../../src/data/mixture/mix-recipe.ts';
import { isDrawn, nextSource, planDraws, sizeOf } from '../../src/data/mixture/mixture.ts';

describe('a mixture', () => {
  it('draws each source by its share, and no source more often than maxEpochs', () => {
    const recipe = readMixRecipe(
      { total: 1000, sources: { web: { path: 'w', rate: 3 }, code: { path: ['c'], rate: 1 } } },
      'm.yaml',
    );
    expect(wantedAmounts(recipe)).toEqual([750, 250]);
    const draws = planDraws(
      [
        { name: 'web', size: 500, wanted: 750 },
        { name: 'code', size: 50, wanted: 250 },
      ],
      recipe.maxEpochs,
    );
    expect(draws).toMatchObject([
      { epochs: 1.5, drawn: 750, isLimited: false },
      { epochs: 4, drawn: 200, isLimited: true },
    ]);
    expect(() => planDraws([{ name: 'none', size: 0, wanted: 1 }], 4)).toThrow(/none: expected documents/);
  });

  it('gives every document its whole epochs, and the fraction once more to that share of them', () => {
    const places = Array.from({ length: 20_000 }, (_, i) => `f:${i}`);
    const count = (epoch: number, seed: number) =>
      places.filter((place) => isDrawn(2.3, epoch, place, seed)).length;
    expect([count(0, 1), count(1, 1), count(3, 1)]).toEqual([20_000, 20_000, 0]);
    // 20,000 draws at 0.3: a standard deviation is 65.
    expect(Math.abs(count(2, 1) - 6000)).toBeLessThan(5 * 65);
    const first = places.filter((place) => isDrawn(2.3, 2, place, 1));
    expect(places.filter((place) => isDrawn(2.3, 2, place, 1))).toEqual(first);
    expect(places.filter((place) => isDrawn(2.3, 2, place, 2))).not.toEqual(first);
  });

  it('interleaves so that shares hold all along', () => {
    const wanted = [60, 30, 10];
    const drawn = [0, 0, 0];
    for (let n = 1; n <= 100; n++) {
      drawn[nextSource(drawn, wanted)]++;
      for (const [s, part] of drawn.entries())
        expect(Math.abs(part - (n * wanted[s]) / 100)).toBeLessThan(1.5);
    }
    expect(drawn).toEqual(wanted);
    expect(nextSource([0, 0], [0, 0])).toBe(-1);
  });

  it('measures characters of texts and conversations, documents, or tokens that are stated', () => {
    expect(sizeOf({ text: 'abc' }, 'characters')).toBe(3);
    expect(sizeOf({ messages: [{ role: 'user', content: 'ab' }, { content: 'c' }] }, 'characters')).toBe(3);
    expect(sizeOf({ metadata: { token_count: 7 } }, 'tokens')).toBe(7);
    expect(() => sizeOf({ text: 'a' }, 'tokens')).toThrow(/expected token_count/);
  });

  it.each([
    [{}, /sources: expected sources by name/],
    [{ sources: { a: { path: 'x' } } }, /sources.a: expected either a rate or an amount/],
    [{ sources: { a: { path: 'x', rate: 1 } } }, /total: expected/],
    [{ total: 1, sources: { a: { rate: 1 } } }, /sources.a.path: expected files/],
    [{ total: -1, sources: {} }, /total: expected a number/],
    [{ total: 1, unit: 'bytes', sources: {} }, /unit: expected characters/],
    [{ totals: 1 }, /totals: expected one of/],
  ])('refuses %j with the field at fault', (parsed, message) => {
    expect(() => readMixRecipe(parsed, 'm.yaml')).toThrow(message);
  });
});
