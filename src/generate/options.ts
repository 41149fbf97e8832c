// What may be asked of a generation, and what it answers: the options, one token, the whole answer.

import {
  callback,
  checkOptions,
  count,
  flag,
  listOf,
  object,
  oneOf,
  type Rules,
  signal,
} from '../base/options.ts';
import type { KvCache } from '../ops.ts';
import type { IdLogprob } from './logprobs.ts';
import { biasesOf, SAMPLING_RULES, type SamplingOptions } from './sampler.ts';

export type { Constraint } from './sampler.ts';

/** What generation needs of a tokenizer. */
export interface AnswerTokenizer {
  /** Every id that ends a generation. */
  readonly eosIds: readonly number[];
  /** Ids that end an answer by what their tokens are called. */
  readonly endIds?: readonly number[];
  /** A decoder that never shows half a character. */
  decoder(options: { skipSpecial: boolean }): { push(id: number): string; end(): string };
}

export interface GenerateOptions extends Omit<SamplingOptions, 'logitBias'> {
  /** Added to the logits of these ids, a map or an object by id; -Infinity forbids an id. */
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<string, number>>;
  /** Longest answer in tokens; 256 by default. */
  readonly maxTokens?: number;
  /** Seed of the draws; a random one by default. The result names it. */
  readonly seed?: number | bigint;
  /** The answer ends before this text, or the first of these. */
  readonly stop?: string | readonly string[];
  /** Ids that end the answer, beside the tokenizer's. */
  readonly stopIds?: readonly number[];
  /** Go on after the tokenizer's end-of-generation ids. */
  readonly ignoreEos?: boolean;
  /** Ends the answer with the finish reason `abort`. */
  readonly signal?: AbortSignal;
  /** Most ids to guess ahead from what was said before (lookup.ts); the answer is the same. 0 by default. */
  readonly lookup?: number;
  /** Compute the log-probability of every token, and those of this many likeliest ids. */
  readonly logprobs?: number;
  /**
   * When prompt and answer do not fit the context: `error` (default), `stop` (a shorter answer) or
   * `truncate-left` (the oldest ids of the prompt are dropped).
   */
  readonly contextOverflow?: 'error' | 'stop' | 'truncate-left';
  /**
   * A cache to use, with the ids that are in it; both are kept up to date. Without one, a cache is
   * made and freed.
   */
  readonly timeline?: Timeline;
  /** Called while the prompt is computed. */
  readonly onPromptProgress?: (rowsDone: number, rowsTotal: number) => void;
}

export const GENERATE_RULES: Rules<GenerateOptions> = {
  ...SAMPLING_RULES,
  maxTokens: count(1),
  seed: {
    expected: 'a whole number of at least 0',
    isKind: (value) => typeof value === 'number' || typeof value === 'bigint',
    accepts: (value: number | bigint) =>
      (typeof value === 'bigint' || Number.isSafeInteger(value)) && value >= 0,
  },
  stop: {
    expected: 'a text or an array of texts, none of them empty',
    isKind: (value) => [value].flat().every((one) => typeof one === 'string'),
    accepts: (value: string | string[]) => [value].flat().every((one) => one !== ''),
  },
  stopIds: listOf('an array of ids', Number.isSafeInteger),
  ignoreEos: flag,
  signal,
  lookup: count(0),
  logprobs: count(0),
  contextOverflow: oneOf('error', 'stop', 'truncate-left'),
  timeline: object,
  onPromptProgress: callback,
};

/** Options that have been checked, each in its one form. */
export interface CheckedOptions extends Omit<GenerateOptions, 'logitBias' | 'stop'> {
  readonly logitBias?: ReadonlyMap<number, number>;
  readonly stop: readonly string[];
}

/**
 * @throws TypeError  for an unknown option, or one of the wrong kind
 * @throws RangeError for one out of its range, or a bias for an id outside the vocabulary
 */
export function checkGenerateOptions(options: GenerateOptions, vocabSize: number): CheckedOptions {
  const { logitBias, stop = [], ...rest } = checkOptions('generate()', options, GENERATE_RULES);
  return {
    ...rest,
    ...(logitBias && { logitBias: biasesOf(logitBias, vocabSize) }),
    stop: typeof stop === 'string' ? [stop] : stop,
  };
}

/** A cache and the ids it holds. */
export interface Timeline {
  readonly cache: KvCache;
  ids: readonly number[];
}

/** One sampled token. */
export interface GeneratedToken {
  readonly id: number;
  /** Text that may be shown now; empty while a character or a stop string may be incomplete. */
  readonly text: string;
  /** Natural logarithm of the model's probability of `id`, if asked for. */
  readonly logprob?: number;
  /** The likeliest ids at this place, falling, if asked for. */
  readonly topLogprobs?: readonly IdLogprob[];
  /** Milliseconds since the token before, or since the start. */
  readonly ms: number;
}

export type FinishReason = 'stop' | 'length' | 'abort';

export interface GenerationResult {
  readonly finishReason: FinishReason;
  /** The stop string or stop id, where there was one. */
  readonly stoppedBy?: string | number;
  /** All text that was shown. */
  readonly text: string;
  /** Ids of the answer, without the id that ended it. */
  readonly ids: readonly number[];
  /** `cachedTokens` are those of the prompt that were in the cache already. */
  readonly usage: {
    promptTokens: number;
    completionTokens: number;
    totalTokens: number;
    cachedTokens: number;
  };
  /** Milliseconds until the logits of the prompt, and from there to the end. */
  readonly timings: { promptMs: number; generateMs: number };
  readonly seed: number | bigint;
}
