// The fields of a request that say how tokens are drawn and where an answer ends: those of OpenAI and those that
// llama.cpp's server adds.

import { seedFor } from '../base/seed.ts';
import { shown } from '../base/shown.ts';
import type { GenerateOptions } from '../generate/generate.ts';
import { wrongValue } from './errors.ts';
import type { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';

export interface Defaults {
  readonly temperature: number;
  readonly topP: number;
  readonly vocabSize: number;
}

/** A smaller one makes logits infinite, by which they are divided. */
const LEAST_PENALTY = 0.01;

/** How an answer is drawn, without its length. */
export interface Sampling {
  readonly options: GenerateOptions;
  /** Of choice 0; the others' follow from it. */
  readonly seed: number | bigint;
}

/** @throws RequestError for a value of the wrong kind or out of its range */
export function readSampling(fields: Fields, defaults: Defaults): Sampling {
  const temperature = fields.number('temperature', 0, 2);
  const topP = fields.number('top_p', 0, 1);
  const isDefault = temperature === undefined && topP === undefined;
  const options: GenerateOptions = {
    temperature: isDefault ? defaults.temperature : (temperature ?? 1),
    // The smallest set that reaches 0 is the likeliest id alone.
    topP: isDefault ? defaults.topP : topP === 0 ? Number.MIN_VALUE : topP,
    topK: fields.count('top_k', 0),
    minP: fields.number('min_p', 0, 1),
    typicalP: typical(fields),
    repetitionPenalty: fields.number('repeat_penalty', LEAST_PENALTY, Number.MAX_VALUE),
    presencePenalty: fields.number('presence_penalty', -2, 2),
    frequencyPenalty: fields.number('frequency_penalty', -2, 2),
    logitBias: readBiases(fields, defaults.vocabSize),
    stop: readStops(fields),
    ignoreEos: fields.flag('ignore_eos'),
  };
  const present = Object.entries(options).filter(([, value]) => value !== undefined);
  return { options: Object.fromEntries(present), seed: readSeed(fields) };
}

function typical(fields: Fields): number | undefined {
  const value = fields.number('typical_p', 0, 1);
  return value === 0 ? Number.MIN_VALUE : value;
}

/** A seed of the client's, read as 64 bits; a random one otherwise. */
function readSeed(fields: Fields): number | bigint {
  const seed = fields.count('seed', Number.MIN_SAFE_INTEGER);
  if (seed === undefined) return crypto.getRandomValues(new Uint32Array(1))[0];
  return seed >= 0 ? seed : BigInt.asUintN(64, BigInt(seed));
}

/** The seed of choice `k`: its first has the request's own, so that n changes nothing for it. */
export function seedOf(seed: number | bigint, k: number): number | bigint {
  return k === 0 ? seed : seedFor(Number(seed), String(seed), 'choice', String(k));
}

/** One text or a list of them. */
export function readStops(fields: Fields, name = 'stop'): string[] | undefined {
  const raw = fields.raw(name);
  if (raw === undefined) return undefined;
  const stops = typeof raw === 'string' ? [raw] : (fields.list(name, LIMITS.stops) ?? []);
  for (const [i, stop] of stops.entries()) {
    if (typeof stop === 'string' && stop.length > 0 && stop.length <= LIMITS.stopLength) continue;
    throw wrongValue(
      typeof raw === 'string' ? fields.at(name) : `${fields.at(name)}[${i}]`,
      `expected a text of 1 to ${LIMITS.stopLength} characters`,
    );
  }
  return stops as string[];
}

/** Ids as names, biases from -100 to 100 as values. */
function readBiases(fields: Fields, vocabSize: number): Record<string, number> | undefined {
  const biases = fields.raw('logit_bias');
  if (biases === undefined) return undefined;
  if (typeof biases !== 'object' || biases === null || Array.isArray(biases)) {
    throw fields.wrong('logit_bias', 'an object of biases by id', 'invalid_type');
  }
  const entries = Object.entries(biases);
  if (entries.length > LIMITS.logitBiases) {
    throw wrongValue('logit_bias', `expected at most ${LIMITS.logitBiases} ids, got ${entries.length}`);
  }
  for (const [id, bias] of entries) {
    if (!/^(0|[1-9]\d{0,8})$/.test(id) || Number(id) >= vocabSize) {
      throw wrongValue('logit_bias', `expected ids from 0 to ${vocabSize - 1}, got ${shown(id)}`);
    }
    if (typeof bias !== 'number' || !(bias >= -100 && bias <= 100)) {
      throw wrongValue(`logit_bias.${id}`, 'expected a number from -100 to 100');
    }
  }
  return Object.fromEntries(entries) as Record<string, number>;
}

/** The longest answer, from whichever names a request gives it. */
export function readMaxTokens(fields: Fields, names: readonly string[], min: number): number | undefined {
  const given = names.filter((name) => fields.has(name));
  const values = given.map((name) => fields.count(name, min));
  if (new Set(values).size > 1) throw fields.wrong(given[1], `the value of ${given[0]}`);
  return values[0];
}
