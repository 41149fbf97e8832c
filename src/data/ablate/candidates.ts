// The mixtures that an ablation tries: the present one, each source half as much again and half as much,
// and a few drawn around the present one, so that a regression sees every rate move for itself and together
// with others.

import { exp, log } from '../../base/math.ts';
import { Rng } from '../../base/rng.ts';
import { seedFor } from '../../base/seed.ts';

export interface Candidate {
  /** `present`, `web +`, `web -`, `draw 1`. */
  readonly name: string;
  /** [numSources], adding up to 1. */
  readonly rates: readonly number[];
}

/** Half as much again, and half as much. */
const UP = 1.5;
const DOWN = 0.5;

/**
 * @param present rates of the present mixture, each above 0, adding up to 1
 * @param numDraws mixtures drawn beside those that move one rate: each rate times e to a normal number of
 * spread 0.5
 */
export function candidateMixtures(
  names: readonly string[],
  present: readonly number[],
  numDraws: number,
  seed: number,
): Candidate[] {
  const moved = present.flatMap((_, i) => [
    { name: `${names[i]} +`, rates: scaled(present, i, UP) },
    { name: `${names[i]} -`, rates: scaled(present, i, DOWN) },
  ]);
  const rng = Rng.fromSeed(seedFor(seed, 'ablate', 'draws'));
  const drawn = Array.from({ length: numDraws }, (_, i) => ({
    name: `draw ${i + 1}`,
    rates: shares(present.map((rate) => rate * exp(0.5 * normal(rng)))),
  }));
  return [{ name: 'present', rates: present }, ...moved, ...drawn];
}

/** Numbers divided by their sum. */
export function shares(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function scaled(present: readonly number[], source: number, factor: number): number[] {
  return shares(present.map((rate, i) => (i === source ? rate * factor : rate)));
}

/** Of mean 0 and spread 1, by twelve uniform numbers: nothing here needs the far tails. */
function normal(rng: Rng): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += rng.next();
  return sum;
}

/**
 * Times that a source is read where `tokens` are drawn in all: log of it above 1, which is what repeating
 * costs.
 */
export function repetition(rates: readonly number[], tokens: number, sizes: readonly number[]): number[] {
  return rates.map((rate, i) => log(Math.max(1, (rate * tokens) / sizes[i])));
}
