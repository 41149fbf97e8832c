// Constants of a network, solved from a server's answers: the value under which the reference answers as it does.
// Each value is tried on one short text first; what comes nearer there has to hold on the others.

import type { ModelConfig } from '../config.ts';
import { BETTER, misfit, NOISE, sizeOf, type VerifyReference } from './likeness.ts';
import { type Exchange, type Replay, type Replays, replayOn } from './replay.ts';

interface Constant {
  readonly name: string;
  readonly verdict: 'wrong-rope-theta' | 'wrong-model';
  /** Where values are looked for first. */
  readonly grid: readonly number[];
  /** Larger ones are not looked for between those of the grid. */
  readonly most?: number;
  readonly own: (config: ModelConfig) => number;
  readonly change: (value: number) => Partial<ModelConfig>;
}

/** Positions divided by so much turn nothing: a network without rotations, or with those of queries and keys undone. */
const NO_ROTATION = 1e9;

const CONSTANTS: readonly Constant[] = [
  {
    name: 'rope theta',
    verdict: 'wrong-rope-theta',
    grid: [10_000, 50_000, 80_000, 130_000, 200_000, 500_000, 1_000_000],
    own: ({ ropeTheta }) => ropeTheta,
    change: (ropeTheta) => ({ ropeTheta }),
  },
  {
    name: 'rms_norm_eps',
    verdict: 'wrong-model',
    grid: [1e-6, 1e-4, 1e-3, 1e-2],
    own: ({ rmsNormEps }) => rmsNormEps,
    change: (rmsNormEps) => ({ rmsNormEps }),
  },
  {
    name: 'linear rope scaling (positions divided by it)',
    verdict: 'wrong-model',
    grid: [0.5, 2, 4, 8, NO_ROTATION],
    most: 64,
    own: () => 1,
    // Every wavelength is longer than this: all are stretched.
    change: (factor) => ({
      ropeScaling: { factor, lowFreqFactor: 1, highFreqFactor: 4, originalMaxSeqLen: 1 },
    }),
  },
];

/** Values between the neighbours of the best: fewer where none of the first comes nearer. */
const STEPS = 12;
const STEPS_WITHOUT_HOPE = 2;
/** What comes nearer than this on one text is tried on. */
const HOPE = 0.9;
/** Texts up to this length are replayed for a value that fits the first. */
const MAX_TOKENS = 800;
/** Tokens of the text that is looked at first: at least so many, and longer where that differs so many times more. */
const FIRST_SIZE = 32;
const LONGER_SHOWS = 1.5;

/**
 * What may be left where a constant is named, nats of ln p: more than coarse but right arithmetic makes (llama.cpp's
 * leaves 0.12), and less than a fault that only looks like another constant (neighbours rotated together looks like
 * positions divided by 10, and leaves 1.1).
 */
const MAX_LEFT = 0.3;

export interface Solved {
  readonly verdict: Constant['verdict'];
  readonly finding: string;
}

/** The constant that explains the answers best, where one explains them better than the model's own. */
export async function solvedConstant(
  { model, tokenizer, withConfig }: VerifyReference,
  exchanges: readonly Exchange[],
  own: Replays,
): Promise<Solved | undefined> {
  const used = exchanges.filter(({ ids }) => ids.length <= MAX_TOKENS);
  if (!withConfig || used.length === 0) return undefined;
  const first = await firstLook(used, own);
  const before = await own.of(used);
  let best: { constant: Constant; value: number; found: Replay } | undefined;
  for (const constant of CONSTANTS) {
    if (constant.name.startsWith('linear') && model.config.ropeScaling) continue;
    const ownValue = constant.own(model.config);
    const at = (value: number, of: readonly Exchange[]) =>
      replayOn(() => withConfig(constant.change(value)), tokenizer, of);
    const near = await nearest(constant, [ownValue, await own.of(first)], (value) => at(value, first));
    if (near.value === ownValue || !(misfit(near.found) < HOPE * misfit(await own.of(first)))) continue;
    const value = Number(near.value.toPrecision(5));
    const found = await at(value, used);
    if (!best || misfit(found) < misfit(best.found)) best = { constant, value, found };
    if (misfit(found) <= NOISE.float32) break;
  }
  if (!best || !holds(best.found, before)) return undefined;
  const { constant, value, found } = best;
  const had = Number(constant.own(model.config).toPrecision(5));
  const fits =
    value === NO_ROTATION
      ? 'a network that rotates nothing fits'
      : `${constant.name} ${value} fits, the model has ${had}`;
  const finding = `${fits}: with it ${sizeOf(found)}; without it ${misfit(before).toPrecision(2)}`;
  return { verdict: constant.verdict, finding };
}

/** Does a change explain what differs? It leaves much less, and no more than coarse arithmetic makes. */
export function holds(found: Replay, before: Replay): boolean {
  if (!(misfit(found) < BETTER * misfit(before)) || found.rms > MAX_LEFT) return false;
  return found.numCompared > 0 || found.numGreedy === found.numChosen;
}

/** The text on which values are tried first: a short one, or a longer one that differs much more. */
export async function firstLook(used: readonly Exchange[], own: Replays): Promise<readonly Exchange[]> {
  const by: { exchange: Exchange; size: number; off: number }[] = [];
  for (const exchange of used) {
    const of = await own.of([exchange]);
    const isEmpty = of.numChosen === 0 || (of.numCompared === 0 && exchange.answer.tokens !== undefined);
    if (!isEmpty) by.push({ exchange, size: exchange.ids.length, off: misfit(of) });
  }
  if (by.length === 0) return used;
  by.sort((a, b) => a.size - b.size);
  // Words that are the reference's own say nothing about another value.
  const telling = by.filter(({ size, off }) => size >= FIRST_SIZE && off > NOISE.float32);
  const [first, ...longer] = telling.length > 0 ? telling : by.slice(-1);
  const chosen = longer.reduce((a, b) => (b.off > LONGER_SHOWS * a.off ? b : a), first);
  return [chosen.exchange];
}

/** The best of a grid, then between its neighbours, by halves of their logarithm, until the answers fit. */
async function nearest(
  { grid, most = Number.POSITIVE_INFINITY }: Constant,
  own: readonly [number, Replay],
  at: (value: number) => Promise<Replay>,
): Promise<{ value: number; found: Replay }> {
  const tried = new Map<number, Replay>([own]);
  for (const value of grid) if (!tried.has(value)) tried.set(value, await at(value));
  const best = () => [...tried].sort((a, b) => misfit(a[1]) - misfit(b[1]))[0];
  const before = [misfit(own[1])];
  for (let n = 0; n < STEPS && misfit(best()[1]) > NOISE.float32; n++) {
    if (n >= STEPS_WITHOUT_HOPE && !(misfit(best()[1]) < HOPE * before[0])) break;
    // Three steps that brought nothing: noise is what is left.
    if (n >= 3 && !(misfit(best()[1]) < HOPE * before[n - 2])) break;
    before.push(misfit(best()[1]));
    const sorted = [...tried.keys()].sort((a, b) => a - b);
    const place = sorted.indexOf(best()[0]);
    const [low, high] = [sorted[place - 1] ?? sorted[place] / 2, sorted[place + 1] ?? sorted[place] * 2];
    const [wide, from] =
      high / sorted[place] > sorted[place] / low ? [high, sorted[place]] : [low, sorted[place]];
    const middle = Number(Math.sqrt(wide * from).toPrecision(n < 4 ? 2 : n < 8 ? 3 : 5));
    if (tried.has(middle) || middle > most) break;
    tried.set(middle, await at(middle));
  }
  const [value, found] = best();
  return { value, found };
}
