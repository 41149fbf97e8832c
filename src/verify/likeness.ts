// What a server's answers are like: the model in coarser arithmetic, or one with a mistake.

import type { TextMessage } from '../chat/message.ts';
import type { ModelConfig } from '../config.ts';
import type { Model } from '../model/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Agreement, distance, type Exchange, type Replay, type Replays, replayOn } from './replay.ts';

/** The same model, computed or changed otherwise. */
export interface Likeness {
  readonly name: string;
  readonly load: () => Promise<Model>;
}

export interface VerifyReference {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** The model's own chat template. */
  readonly render: (messages: readonly TextMessage[]) => Promise<string>;
  /** The same weights with other constants, to test what a server may have done. */
  readonly withConfig?: (change: Partial<ModelConfig>) => Promise<Model>;
  /** The same layers in another order (withLayerOrder). */
  readonly withLayers?: (order: readonly number[]) => Promise<Model>;
  /** Programs that are right though coarser: requantised weights, activations of 8 bits. */
  readonly coarser?: readonly Likeness[];
}

/**
 * Differences of ln p by what makes them, root mean square over the prompts of verify-prompts.ts, measured on
 * SmolLM2-135M (docs/guides/verify-your-own.md): float32 programs stay under the first, 16-bit weights or
 * activations under the second. Above it a program is right only if its differences are those of a coarser program
 * that is known to be right: they are then alike value by value, not only in size. Measured correlations with the
 * differences of 8-bit activations: 0.55 for a second program with 8-bit activations (other scales, cache in f16), 0.21
 * for exchanged layers, 0.28 for eps 1e-3, 0.11 and less for other thetas.
 */
export const NOISE = { float32: 2e-3, sixteenBit: 0.06, alike: 0.4 } as const;

/** Asked in one go, to leave the rest of a run for judging. */
export const MAX_SHORT_TOKENS = 256;

/** Differences of long contexts over those of short ones; 1 where there are not enough of both. */
export function growthOf({ theirs, ours, contexts }: Replay): number {
  const part = (isIn: (context: number) => boolean) => {
    const chosen = theirs.map((_, n) => n).filter((n) => isIn(contexts[n]));
    return distance(
      chosen.map((n) => theirs[n]),
      chosen.map((n) => ours[n]),
    );
  };
  const [short, long] = [part((context) => context < 200), part((context) => context > 500)];
  return short.numCompared > 20 && long.numCompared > 20 ? long.rms / short.rms : 1;
}

/** Rounding makes as much at the end of a text as at its start; wrong angles grow with the position. */
export const MAX_GROWTH = 4;

/** So alike that no constant is looked for: 0.64 of the squares are explained, a constant needs as much (BETTER). */
export const SURELY_ALIKE = 0.8;

/** The known program whose differences from the reference are most like the server's. */
export async function likenessOf(
  { coarser = [], tokenizer }: VerifyReference,
  exchanges: readonly Exchange[],
  replays: Replays,
) {
  const short = exchanges.filter(({ ids }) => ids.length <= MAX_SHORT_TOKENS);
  const own = await replays.of(short);
  const theirs = difference(own.theirs, own.ours);
  let best: { name: string; likeness: number; rms: number } | undefined;
  let largest = 0;
  let first: { name: string; off: readonly number[] } | undefined;
  const compare = (name: string, off: readonly number[]) => {
    const likeness = correlation(theirs, off);
    if (!best || likeness > best.likeness) best = { name, likeness, rms: rootMeanSquare(off) };
  };
  for (const { name, load } of coarser) {
    const { ours } = await replayOn(load, tokenizer, short);
    const off = difference(ours, own.ours);
    largest = Math.max(largest, rootMeanSquare(off));
    compare(name, off);
    // Small differences add: weights in another type, multiplied with activations of 8 bits.
    if (first) compare(`${name} and ${first.name}`, sum(first.off, off));
    else first = { name, off };
    if (best && best.likeness > SURELY_ALIKE) break;
  }
  return best && { ...best, largest };
}

/**
 * How much the differences follow ln p itself (correlation): rounding does not care how likely a token is, a
 * temperature, a cap and a scale do. Measured on the nano model (480 values): f16 -0.03, bf16 0.07, weights in Q8_0 to
 * Q4_0 -0.10 to -0.20, activations of 8 bits -0.14; logits capped at 30 -0.59, temperature 1.02 -0.46.
 */
export function followsLikelihood({ theirs, ours }: Replay): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const off = difference(theirs, ours);
  const [meanOff, meanOurs] = [mean(off), mean(ours)];
  return correlation(
    off.map((value) => value - meanOff),
    ours.map((value) => value - meanOurs),
  );
}

/** What differs by rounding alone stays under this. */
export const MAX_FOLLOWING = 0.35;

function difference(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, n) => value - b[n]);
}

function sum(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, n) => value + b[n]);
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [n, value] of a.entries()) {
    ab += value * b[n];
    aa += value * value;
    bb += b[n] * b[n];
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** What is wrong with a server's answers, as one number: the less, the better the model fits. */
export function misfit(of: Agreement): number {
  return of.numCompared > 0 ? of.rms : 1 - of.numGreedy / Math.max(1, of.numChosen);
}

/** Another program must leave less than this share of the difference to be named. */
export const BETTER = 0.6;

export function sizeOf(of: Agreement): string {
  return of.numCompared > 0
    ? `ln p differs by ${of.rms.toPrecision(2)} (root mean square of ${of.numCompared} values)`
    : `${of.numGreedy} of ${of.numChosen} greedy tokens are the reference's`;
}
