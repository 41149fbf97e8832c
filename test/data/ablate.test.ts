import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { candidateMixtures } from '../../src/data/ablate/candidates.ts';
import { type Design, findings, propose, type TrainingRun, verdict } from '../../src/data/ablate/decide.ts';
import { readAblationRecipe } from '../../src/data/ablate/recipe.ts';
import { fitMixtures, predictMixture } from '../../src/data/ablate/regression.ts';
import { ablationHtml, ablationMarkdown, decisionText, reasonsFor } from '../../src/data/ablate/report.ts';
import { readMixRecipe } from '../../src/data/mixture/mix-recipe.ts';

const design: Design = {
  sources: ['good', 'noisy', 'duplicates'],
  sizes: [1e6, 1e6, 2e4],
  domains: ['web', 'code'],
  weights: [0.75, 0.25],
  tokens: 1e5,
  trust: 1.5,
  floor: 0.01,
};
const thirds = [1 / 3, 1 / 3, 1 / 3];

/** Runs whose bits are a line in the shares, with an error of the given size and an offset a seed. */
function runsOf(slopes: readonly number[], noise: number, seed: number): TrainingRun[] {
  const rng = Rng.fromSeed(seed);
  const candidates = candidateMixtures(design.sources, thirds, 3, seed);
  return [1, 2].flatMap((run) =>
    candidates.map(({ name, rates }) => {
      const value = rates.reduce((sum, rate, i) => sum + rate * slopes[i], run / 10);
      const draw = () => noise * (rng.next() - 0.5) * Math.sqrt(12);
      return { mixture: name, rates, seed: run, bits: [value + draw(), 2 * value + draw()] };
    }),
  );
}

describe('fitMixtures', () => {
  const terms = candidateMixtures(['a', 'b', 'c'], [0.5, 0.3, 0.2], 4, 7).map(({ rates }) => rates);

  it('finds the line that values lie on', () => {
    const fit = fitMixtures(
      terms,
      terms.map(([a, b, c]) => 3 * a + 4 * b + 5.5 * c),
    );
    // The ridge of 1e-6 moves coefficients by about as much of their size.
    for (const [i, slope] of [3, 4, 5.5].entries()) {
      expect(Math.abs(fit.coefficients[i] - slope)).toBeLessThan(1e-4);
    }
    expect(fit.leaveOneOut).toBeLessThan(1e-4);
  });

  it('says the error on a mixture that is left out as a fit without it does', () => {
    const values = terms.map(([a, b], i) => a + 2 * b + (i % 3) / 10);
    const errors = terms.map((row, n) => {
      const without = <T>(list: readonly T[]) => list.filter((_, i) => i !== n);
      return values[n] - predictMixture(fitMixtures(without(terms), without(values)), row);
    });
    const brute = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(Math.abs(fitMixtures(terms, values).leaveOneOut / brute - 1)).toBeLessThan(1e-3);
  });

  it('refuses fewer mixtures than it has terms', () => {
    expect(() => fitMixtures([thirds, thirds, thirds], [1, 2, 3])).toThrow(/more than 3 mixtures/);
  });
});

describe('propose', () => {
  it('raises what helps, lowers what harms, and stays in the trust region', () => {
    const found = findings(runsOf([2, 3, 5], 0.02, 1), design);
    const { rates, forecast } = propose(found, design, 2)!;
    expect(rates[0]).toBeCloseTo(0.5, 9);
    expect(rates[1]).toBeLessThan(1 / 3);
    expect(rates[2]).toBeCloseTo(1 / 4.5, 9);
    expect(rates.reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(1, 12);
    expect(forecast).toBeGreaterThan(0.2);
  });

  it('takes out what a seed does to all mixtures alike: 200 noises of a known size have its spread', {
    tags: ['slow'],
  }, () => {
    const found = Array.from({ length: 200 }, (_, i) => findings(runsOf([3, 3, 3], 0.02, i), design).noise);
    // The weighted sum of two domains with weights 3/4 and 1/4.
    const spread = 0.02 * Math.hypot(0.75, 0.25);
    const squares = found.reduce((sum, noise) => sum + noise * noise, 0) / found.length;
    // 200 estimates of 9 degrees each: the mean square is good to sqrt(2 / 1800) = 3.3 %; three of them.
    expect(Math.abs(squares / spread ** 2 - 1)).toBeLessThan(0.1);
  });

  it('finds nothing between equal sources in nine of ten cases and more', { tags: ['slow'] }, () => {
    const made = Array.from({ length: 200 }, (_, i) => findings(runsOf([3, 3, 3], 0.02, i), design));
    const proposals = made.filter((found) => propose(found, design, 2)).length;
    // Six directed pairs at two standard deviations: below 14 % even if they were independent.
    expect(proposals / made.length).toBeLessThan(0.2);
  });

  it('never goes under the floor and never moves a source that is under it already', () => {
    const found = findings(runsOf([2, 3, 5], 0.02, 1), design);
    const { rates } = propose(found, { ...design, trust: 10, floor: 0.1 }, 2)!;
    expect(Math.min(...rates)).toBeCloseTo(0.1, 9);
  });
});

describe('verdict', () => {
  const run = (seed: number, value: number): TrainingRun => ({
    mixture: '',
    rates: thirds,
    seed,
    bits: [value, value],
  });

  it('holds a proposal that is better by more than two standard deviations of the difference, and no other', () => {
    const before = [run(1, 3), run(2, 3.1)];
    const better = (by: number) => [run(1, 3 - by), run(2, 3.1 - by)];
    expect(verdict(before, better(0.021), 0.01, design)).toMatchObject({ isAccepted: true, spread: 0.01 });
    expect(verdict(before, better(0.019), 0.01, design).isAccepted).toBe(false);
  });
});

describe('the report', () => {
  const found = findings(runsOf([2, 3, 5], 0.02, 1), design);
  const proposal = propose(found, design, 2)!;

  it('gives a reason for every rate and the decision', () => {
    const judged = { isAccepted: true, gain: 0.2, spread: 0.02, gains: [0.1, 0.3] };
    const outcome = { design, found, proposal, verdict: judged, rates: proposal.rates };
    const [good, noisy] = reasonsFor(outcome);
    expect(good).toMatch(/^good raised, 33\.3 % → 50\.0 %; ten points more of it: web −0\.\d+, code −0\.\d+/);
    expect(noisy).toMatch(/^noisy lowered/);
    expect(decisionText(outcome)).toMatch(/^Change: .* 0\.2000 ± 0\.0200/);
    expect(ablationMarkdown(outcome)).toContain('| present | 33.3 % |');
    expect(ablationHtml(outcome)).toContain('<svg');
  });

  it('says that a proposal did not hold, and keeps the rates', () => {
    const judged = { isAccepted: false, gain: 0.01, spread: 0.02, gains: [0, 0] };
    const outcome = { design, found, proposal, verdict: judged, rates: thirds };
    expect(decisionText(outcome)).toMatch(/^No change: the proposal was run and gains 0\.0100/);
    expect(reasonsFor(outcome)[0]).toContain('good would be raised');
  });
});

describe('readAblationRecipe', () => {
  const sources = { a: { path: 'a', rate: 1 }, b: { path: 'b', rate: 2 } };
  const mix = readMixRecipe({ total: 1, sources, ablate: {} }, 'r.yaml');

  it.each([
    ['no section', undefined, /domains/],
    ['no domains', {}, /ablate\.domains/],
    ['an unknown key', { domains: { web: 'x' }, speed: 1 }, /ablate\.speed: expected one of domains/],
    ['a model that no head fits', { domains: { web: 'x' }, hiddenSize: 50 }, /multiple of 32/],
    ['a part of a token', { domains: { web: 'x' }, tokens: 5000.5 }, /whole number from 4096/],
    ['one seed', { domains: { web: 'x' }, seeds: 1 }, /from 2 to 20/],
    ['a domain of numbers', { domains: { web: 7 } }, /domains\.web: expected a path/],
  ])('refuses %s', (_, section, message) => {
    expect(() => readAblationRecipe(section, mix, 'r.yaml')).toThrow(message);
  });

  it('refuses a mixture without rates, or of one source', () => {
    const amounts = readMixRecipe(
      { sources: { a: { path: 'a', amount: 1 }, b: { path: 'b', amount: 1 } } },
      'r',
    );
    expect(() => readAblationRecipe({ domains: { web: 'x' } }, amounts, 'r')).toThrow(/rate above 0/);
    const one = readMixRecipe({ total: 1, sources: { a: sources.a } }, 'r');
    expect(() => readAblationRecipe({ domains: { web: 'x' } }, one, 'r')).toThrow(/two sources/);
  });
});
