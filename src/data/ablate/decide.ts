// From measurements to rates. A proposal moves a share from one source to another only where the regression
// tells the two apart by more than its own noise, and no rate leaves its trust region: by a linear forecast
// the best mixture is always a corner, and the corner was measured to be worse than forecast. The proposal
// is then run beside the present mixture, with seeds that no other run has had, and holds only if it is
// better by more than two standard deviations.

import { repetition } from './candidates.ts';
import { differenceSpread, fitMixtures, predictMixture, type Regression } from './regression.ts';

/** One small training. */
export interface TrainingRun {
  readonly mixture: string;
  readonly rates: readonly number[];
  readonly seed: number;
  /** [numDomains], bits per byte of held-out text. */
  readonly bits: readonly number[];
}

export interface Design {
  readonly sources: readonly string[];
  /** Distinct tokens that each source holds. */
  readonly sizes: readonly number[];
  readonly domains: readonly string[];
  /** [numDomains], adding up to 1. */
  readonly weights: readonly number[];
  /** Of each run. */
  readonly tokens: number;
  /** No rate moves by more than this factor in one ablation. */
  readonly trust: number;
  /** No rate falls under this. */
  readonly floor: number;
}

/** What the candidates' runs say. */
export interface Findings {
  /** Bits per byte of each candidate, mean over seeds, domains by weight. */
  readonly means: readonly { readonly mixture: string; readonly rates: readonly number[]; value: number }[];
  /** Standard deviation of one run, once what a seed does to all mixtures alike is taken out. */
  readonly noise: number;
  readonly regression: Regression;
  /** By domain, then source: change of bits per byte for ten points of share more, from all others alike. */
  readonly effects: readonly (readonly number[])[];
  /** Of the weighted sum, in standard deviations. */
  readonly certainty: readonly number[];
}

/** How certain a difference must be, in standard deviations. */
export const CERTAIN = 2;
const STEP = 0.005;

/** What trainings on several mixtures say: means, noise, and a regression of the loss on the rates. */
export function findings(runs: readonly TrainingRun[], design: Design): Findings {
  const mixtures = [...new Set(runs.map(({ mixture }) => mixture))];
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const table = mixtures.map((mixture) =>
    seeds.map((seed) => {
      const run = runs.find((one) => one.mixture === mixture && one.seed === seed);
      if (!run) throw new RangeError(`ablate: expected a run of ${mixture} with seed ${seed}, got none`);
      return run;
    }),
  );
  const rates = table.map(([first]) => first.rates);
  const terms = rates.map((row) => termsOf(row, design, rates));
  const values = table.map((row) => mean(row.map((run) => weighted(run, design))));
  const noise = interaction(table.map((row) => row.map((run) => weighted(run, design))));
  const regression = fitMixtures(terms, values);
  const present = rates[0];
  const tenMore = design.sources.map((_, i) =>
    difference(termsOf(present, design, rates), termsOf(tenPointsMore(present, i), design, rates)),
  );
  const effects = design.domains.map((_, d) => {
    const fit = fitMixtures(
      terms,
      table.map((row) => mean(row.map(({ bits }) => bits[d]))),
    );
    return tenMore.map((step) => predictMixture(fit, step));
  });
  const spread = spreadOfMean(noise, seeds.length, regression);
  const certainty = tenMore.map(
    (step) => predictMixture(regression, step) / Math.max(differenceSpread(regression, step, spread), 1e-12),
  );
  const means = mixtures.map((mixture, m) => ({ mixture, rates: rates[m], value: values[m] }));
  return { means, noise, regression, effects, certainty };
}

export interface Proposal {
  readonly rates: readonly number[];
  /** Bits per byte less than the present mixture's, as the regression has it. */
  readonly forecast: number;
}

/**
 * The best mixture by the regression inside the trust region; undefined where it tells no two sources
 * apart.
 */
export function propose(found: Findings, design: Design, numSeeds: number): Proposal | undefined {
  const { regression, means, noise } = found;
  const { floor, trust, sources } = design;
  const present = means[0].rates;
  const all = means.map(({ rates }) => rates);
  const terms = (rates: readonly number[]) => termsOf(rates, design, all);
  const value = (rates: readonly number[]) => predictMixture(regression, terms(rates));
  const low = present.map((rate) => Math.min(rate, Math.max(floor, rate / trust)));
  const high = present.map((rate) => rate * trust);
  const spread = spreadOfMean(noise, numSeeds, regression);
  const pairs = sources.flatMap((_, from) =>
    sources.flatMap((_, to) => {
      const step = difference(terms(present), terms(shifted(present, from, to, STEP)));
      const isCertain =
        -predictMixture(regression, step) > CERTAIN * differenceSpread(regression, step, spread);
      return from !== to && isCertain ? [{ from, to }] : [];
    }),
  );
  let rates = present;
  for (;;) {
    let best = rates;
    for (const { from, to } of pairs) {
      const amount = Math.min(STEP, rates[from] - low[from], high[to] - rates[to]);
      if (amount <= STEP * 1e-3) continue;
      const next = shifted(rates, from, to, amount);
      // At least a little better for its size: rounding must not let it go on.
      if (value(next) < value(best) - 1e-9 * amount) best = next;
    }
    if (best === rates) break;
    rates = best;
  }
  return rates === present ? undefined : { rates, forecast: value(present) - value(rates) };
}

export interface Verdict {
  readonly isAccepted: boolean;
  /** Bits per byte, present less proposal. */
  readonly gain: number;
  /** Of the gain. */
  readonly spread: number;
  /** By domain. */
  readonly gains: readonly number[];
}

/** Compares the proposal with the present mixture on runs with seeds of their own. */
export function verdict(
  present: readonly TrainingRun[],
  proposal: readonly TrainingRun[],
  noise: number,
  design: Design,
): Verdict {
  const gain =
    mean(present.map((run) => weighted(run, design))) - mean(proposal.map((run) => weighted(run, design)));
  const spread = noise * Math.sqrt(2 / present.length);
  const gains = design.domains.map(
    (_, d) => mean(present.map(({ bits }) => bits[d])) - mean(proposal.map(({ bits }) => bits[d])),
  );
  return { isAccepted: gain > CERTAIN * spread, gain, spread, gains };
}

/** Domains by weight. */
export function weighted({ bits }: TrainingRun, { weights }: Design): number {
  return bits.reduce((sum, value, d) => sum + weights[d] * value, 0);
}

/** Shares, and for each source that repeats in some mixture the logarithm of its epochs. */
function termsOf(
  rates: readonly number[],
  { tokens, sizes }: Design,
  all: readonly (readonly number[])[],
): number[] {
  const repeated = repetition(rates, tokens, sizes);
  const repeats = sizes.map((_, i) => all.some((row) => repetition(row, tokens, sizes)[i] > 0));
  // One share says what the others leave: terms of repetition need points of their own.
  const hasRoom = all.length > rates.length + repeats.filter(Boolean).length + 2;
  return [...rates, ...(hasRoom ? repeated.filter((_, i) => repeats[i]) : [])];
}

/** A value is a mean over seeds; where the line fits worse than seeds differ, that counts. */
function spreadOfMean(noise: number, numSeeds: number, { residual }: Regression): number {
  return Math.max(noise / Math.sqrt(numSeeds), residual);
}

/** Standard deviation of a table [mixtures][seeds] around the sums of its rows' and columns' means. */
function interaction(table: readonly (readonly number[])[]): number {
  const columns = table[0].map((_, s) => mean(table.map((row) => row[s])));
  const all = mean(columns);
  let squares = 0;
  for (const row of table) {
    for (const [s, value] of row.entries()) squares += (value - mean(row) - columns[s] + all) ** 2;
  }
  return Math.sqrt(squares / ((table.length - 1) * (columns.length - 1)));
}

function tenPointsMore(rates: readonly number[], source: number): number[] {
  const left = Math.max(1 - rates[source], 1e-9);
  return rates.map((rate, i) => (i === source ? rate + 0.1 : rate - (0.1 * rate) / left));
}

function shifted(rates: readonly number[], from: number, to: number, amount: number): number[] {
  return rates.map((rate, i) => (i === from ? rate - amount : i === to ? rate + amount : rate));
}

function difference(before: readonly number[], after: readonly number[]): number[] {
  return after.map((value, i) => value - before[i]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
