// From the logits of one position to the next id. The order is fixed: repetition penalty, no-repeat
// n-gram, frequency and presence penalty, logit bias, constraint, temperature, top-k, top-p, min-p,
// typical-p, draw; where HF transformers has the same step, it runs in the same place. Steps are in
// penalties.ts and filters.ts; docs/components/sampling.md.

import { count, number, object, type Rules } from '../base/options.ts';
import type { Rng } from '../base/rng.ts';
import { type Candidates, minP, probabilities, topK, topP, typicalP } from './filters.ts';
import { addLogitBias, frequencyAndPresencePenalty, noRepeatNgram, repetitionPenalty } from './penalties.ts';

export { Rng } from '../base/rng.ts';

/** What to do with the logits; a step that is left out does nothing. */
export interface SamplingOptions {
  /** 0 (default): always the likeliest id. Otherwise logits are divided by it; at least 0. */
  readonly temperature?: number;
  /** Keep the k largest; 0: all. */
  readonly topK?: number;
  /** Keep the smallest set that reaches this probability, above 0 and up to 1. */
  readonly topP?: number;
  /** Keep what has at least this share of the largest probability, 0 to 1. */
  readonly minP?: number;
  /** Keep the smallest typical set that reaches this probability, above 0 and up to 1. */
  readonly typicalP?: number;
  /**
   * Divides positive and multiplies negative logits of ids seen in prompt and answer; above 0,
   * 1 does nothing.
   */
  readonly repetitionPenalty?: number;
  /** Forbids runs of this many ids that have been seen; 0: none. */
  readonly noRepeatNgramSize?: number;
  /** Subtracted per occurrence in the answer. */
  readonly frequencyPenalty?: number;
  /** Subtracted once from ids that occur in the answer. */
  readonly presencePenalty?: number;
  /** Added to the logits of these ids; -Infinity forbids an id. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Says which ids may come next, such as those that a grammar allows. */
  readonly constraint?: Constraint;
}

/** The rules of one answer between logits and draw; it is told of every id, so it serves one answer only. */
export interface Constraint {
  /**
   * Sets the scores of ids that may not come next to -Infinity.
   *
   * @param scores [vocabSize] after penalties and bias, before temperature; the constraint may write to it
   */
  mask(scores: Float64Array | Float32Array): void;
  /** The id that was drawn, the one that ends the answer included. */
  accept(id: number): void;
}

/** What was read and written before the position at hand. */
export interface History {
  /** Ids of the prompt, then of the answer. */
  readonly ids: readonly number[];
  /** How many of them are the prompt. */
  readonly promptLength: number;
}

type Logits = Float64Array | Float32Array;

/** What each sampling option may be. */
export const SAMPLING_RULES: Rules<SamplingOptions> = {
  temperature: number('a finite number of at least 0', (x) => x >= 0 && x < Infinity),
  topK: count(0),
  topP: number('a number above 0 and up to 1', (x) => x > 0 && x <= 1),
  minP: number('a number from 0 to 1', (x) => x >= 0 && x <= 1),
  typicalP: number('a number above 0 and up to 1', (x) => x > 0 && x <= 1),
  repetitionPenalty: number('a finite number above 0', (x) => x > 0 && x < Infinity),
  noRepeatNgramSize: count(0),
  frequencyPenalty: number('a finite number', Number.isFinite),
  presencePenalty: number('a finite number', Number.isFinite),
  logitBias: object,
  constraint: {
    expected: 'an object with mask(scores) and accept(id)',
    isKind: (value) => {
      const { mask, accept } = (value ?? {}) as Partial<Constraint>;
      return typeof mask === 'function' && typeof accept === 'function';
    },
  },
};

/**
 * Biases by id, from a map or from an object whose names are ids.
 *
 * @throws RangeError for an id outside the vocabulary, or a bias that is no number below infinity
 */
export function biasesOf(
  given: ReadonlyMap<number, number> | Readonly<Record<string, number>>,
  vocabSize: number,
): Map<number, number> {
  const pairs: [string | number, unknown][] = given instanceof Map ? [...given] : Object.entries(given);
  return new Map(
    pairs.map(([name, bias]) => {
      const id = typeof name === 'string' && name.trim() === '' ? Number.NaN : Number(name);
      if (!Number.isSafeInteger(id) || id < 0 || id >= vocabSize) {
        throw new RangeError(
          `logitBias: expected ids from 0 to ${vocabSize - 1}, got ${String(name).slice(0, 40)}`,
        );
      }
      if (typeof bias !== 'number' || !(bias < Infinity)) {
        throw new RangeError(`logitBias: expected a finite number or -Infinity for id ${id}, got ${bias}`);
      }
      return [id, bias];
    }),
  );
}

/**
 * The next id: the likeliest one at temperature 0 (the smallest id of equals), otherwise drawn by `rng`.
 *
 * @param logits [vocabSize] of the last position; left as it is
 * @throws RangeError when a logit is NaN or +Infinity, or nothing is left to choose from
 */
export function sample(logits: Logits, options: SamplingOptions, history: History, rng: Rng): number {
  if ((options.temperature ?? 0) === 0) {
    return indexOfMax(scoresOf(logits, options, history));
  }
  return draw(distribution(logits, options, history), rng.next());
}

/**
 * The distribution that `sample` draws from; without a temperature, that of temperature 1.
 *
 * @returns ids that can be drawn, ascending, and their probabilities, which sum to 1
 */
export function distribution(
  logits: Logits,
  options: SamplingOptions,
  history: History,
): { ids: Int32Array; probs: Float64Array } {
  const scores = scoresOf(logits, options, history);
  if (options.temperature === 0) return { ids: Int32Array.of(indexOfMax(scores)), probs: Float64Array.of(1) };
  let candidates = atTemperature(scores, options.temperature ?? 1);
  if (options.topK) candidates = topK(candidates, options.topK);
  if (options.topP !== undefined && options.topP < 1) candidates = topP(candidates, options.topP);
  if (options.minP) candidates = minP(candidates, options.minP);
  if (options.typicalP !== undefined && options.typicalP < 1) {
    candidates = typicalP(candidates, options.typicalP);
  }
  return { ids: candidates.ids, probs: probabilities(candidates) };
}

/** The id in whose share of [0, 1) `uniform` falls; shares lie side by side in order of id. */
function draw({ ids, probs }: { ids: Int32Array; probs: Float64Array }, uniform: number): number {
  let sum = 0;
  for (let i = 0; i < ids.length; i++) {
    sum += probs[i];
    if (uniform < sum) return ids[i];
  }
  return ids[indexOfMax(probs)]; // rounding left the sum below 1 and below `uniform`
}

/** Logits after penalties, bias and constraint; the logits themselves where there are none of these. */
function scoresOf(logits: Logits, options: SamplingOptions, history: History): Logits {
  const isPenalised = hasPenalties(options);
  if (!isPenalised && !options.constraint) return logits;
  const scores = isPenalised ? penalised(logits, options, history) : logits.slice();
  options.constraint?.mask(scores);
  return scores;
}

function hasPenalties(options: SamplingOptions): boolean {
  return (
    (options.repetitionPenalty ?? 1) !== 1 ||
    (options.noRepeatNgramSize ?? 0) > 0 ||
    (options.frequencyPenalty ?? 0) !== 0 ||
    (options.presencePenalty ?? 0) !== 0 ||
    (options.logitBias?.size ?? 0) > 0
  );
}

function penalised(logits: Logits, options: SamplingOptions, { ids, promptLength }: History): Float64Array {
  const scores = Float64Array.from(logits);
  const { frequencyPenalty = 0, presencePenalty = 0 } = options;
  if (options.repetitionPenalty !== undefined) repetitionPenalty(scores, ids, options.repetitionPenalty);
  if (options.noRepeatNgramSize) noRepeatNgram(scores, ids, options.noRepeatNgramSize);
  if (frequencyPenalty !== 0 || presencePenalty !== 0) {
    frequencyAndPresencePenalty(scores, ids.slice(promptLength), frequencyPenalty, presencePenalty);
  }
  if (options.logitBias) addLogitBias(scores, options.logitBias);
  return scores;
}

/** Logits as distance from the largest, over the temperature; ids of probability 0 are left out. */
function atTemperature(scores: Logits, temperature: number): Candidates {
  const max = scores[indexOfMax(scores)];
  const ids = new Int32Array(scores.length);
  const logits = new Float64Array(scores.length);
  let count = 0;
  for (let id = 0; id < scores.length; id++) {
    const logit = (scores[id] - max) / temperature;
    if (logit < -708) continue; // where exp is 0
    ids[count] = id;
    logits[count++] = logit;
  }
  return { ids: ids.subarray(0, count), logits: logits.subarray(0, count) };
}

/** Index of the largest value, the smallest index of equals. */
function indexOfMax(values: Logits): number {
  let best = -1;
  let max = Number.NEGATIVE_INFINITY;
  const { length } = values;
  for (let i = 0; i < length; i++) {
    // Most are none: four a step take less than half of the time of one (43 µs for 49,152, not 103).
    while (i + 4 <= length && isBelow(max, values, i)) i += 4;
    if (i === length || values[i] <= max) continue;
    if (Number.isNaN(values[i])) throw new RangeError(`logits: expected numbers, got NaN for id ${i}`);
    max = values[i];
    best = i;
  }
  if (best < 0) throw new RangeError('logits: expected an id that may be drawn, got -Infinity for all');
  if (max === Infinity) throw new RangeError(`logits: expected finite numbers, got Infinity for id ${best}`);
  return best;
}

/** Whether none of the four values from `i` on is above `max`, or NaN. */
function isBelow(max: number, values: Logits, i: number): boolean {
  return values[i] <= max && values[i + 1] <= max && values[i + 2] <= max && values[i + 3] <= max;
}
