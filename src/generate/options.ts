// What may be asked of a generation, and what it answers: the options, one token, the whole answer.

import type { KvCache } from '../ops.ts';
import type { IdLogprob } from './logprobs.ts';
import type { SamplingOptions } from './sampler.ts';

export type { Constraint } from './sampler.ts';

/** What generation needs of a tokenizer. */
export interface AnswerTokenizer {
  /** Every id that ends a generation. */
  readonly eosIds: readonly number[];
  /** A decoder that never shows half a character. */
  decoder(options: { skipSpecial: boolean }): { push(id: number): string; end(): string };
}

export interface GenerateOptions extends SamplingOptions {
  /** Longest answer in tokens; 256 by default. */
  readonly maxTokens?: number;
  /** Seed of the draws; a random one by default. The result names it. */
  readonly seed?: number | bigint;
  /** The answer ends before the first of these strings. */
  readonly stop?: readonly string[];
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
   * A cache to use, with the ids that are in it; both are kept up to date. Without one, a cache is made and
   * freed.
   */
  readonly timeline?: Timeline;
  /** Called while the prompt is computed. */
  readonly onPromptProgress?: (rowsDone: number, rowsTotal: number) => void;
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
