// From scores of samples to figures with their standard errors.

import { PythonRandom } from './python-random.ts';

/** One figure of a run. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  /** Standard error of `value`; absent where none is known. */
  readonly standardError?: number;
}

export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Standard error of a mean: the sample's standard deviation (n - 1) over √n; 0 for fewer than two values. */
export function standardErrorOfMean(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  let squares = 0;
  for (const value of values) squares += (value - centre) ** 2;
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Means of every score, in the order of the first sample's names. */
export function meansOf(scores: readonly Readonly<Record<string, number>>[]): Metric[] {
  return Object.keys(scores[0] ?? {}).map((name) => {
    const values = scores.map((score) => score[name]);
    return { name, value: mean(values), standardError: standardErrorOfMean(values) };
  });
}

/**
 * Standard error of any figure by the bootstrap, as lm-evaluation-harness computes it: resamples drawn with
 * `random.Random(0).choices`, then the sample's standard deviation of the figure.
 */
export function bootstrapStandardError<T>(
  items: readonly T[],
  figure: (items: readonly T[]) => number,
  resamples: number,
): number {
  const random = new PythonRandom(0);
  const figures = Array.from({ length: resamples }, () =>
    figure(Array.from(items, () => items[Math.floor(random.random() * items.length)])),
  );
  return standardErrorOfMean(figures) * Math.sqrt(resamples);
}

/** Resamples of a perplexity's standard error. */
export const BOOTSTRAP_RESAMPLES = 100;

/** e^(-Σ log-likelihood / Σ units), with its bootstrap error. */
export function perplexity(
  name: string,
  items: readonly { readonly ll: number; readonly units: number }[],
  resamples = BOOTSTRAP_RESAMPLES,
): Metric {
  const figure = (list: typeof items) => {
    let ll = 0;
    let units = 0;
    for (const item of list) {
      ll += item.ll;
      units += item.units;
    }
    return Math.exp(-ll / units);
  };
  return { name, value: figure(items), standardError: bootstrapStandardError(items, figure, resamples) };
}
