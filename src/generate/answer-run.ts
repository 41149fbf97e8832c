// The bookkeeping of one answer, so that the loop in generate.ts stays a loop: what fits the context, which
// ids are in the cache, which text may be shown, why the answer ended.

import { ContextOverflowError } from '../base/errors.ts';
import { Rng } from '../base/rng.ts';
import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';
import type {
  AnswerTokenizer,
  FinishReason,
  GeneratedToken,
  GenerateOptions,
  GenerationResult,
} from './answer.ts';
import { logprobsOf } from './logprobs.ts';
import { guessNext } from './lookup.ts';
import { checkSamplingOptions, type History } from './sampler.ts';
import { StopScanner } from './stop.ts';

type Logits = Float64Array | Float32Array;

const DEFAULT_MAX_TOKENS = 256;

/** The state of one answer. */
export class AnswerRun implements History {
  /** Prompt, then answer. */
  readonly ids: number[];
  readonly promptLength: number;
  readonly rng: Rng;
  readonly signal: AbortSignal | undefined;
  finishReason: FinishReason | undefined;

  private readonly model: Model;
  private readonly options: GenerateOptions;
  private readonly decoder: ReturnType<AnswerTokenizer['decoder']>;
  private readonly scanner: StopScanner;
  private readonly stopIds: ReadonlySet<number>;
  private readonly maxTokens: number;
  private readonly seed: number | bigint;
  private readonly cache: KvCache;
  private readonly cachedTokens: number;
  private stopId: number | undefined;
  private text = '';
  private readonly startedAt = performance.now();
  private promptMs = 0;
  private tokenAt = this.startedAt;

  constructor(
    model: Model,
    tokenizer: AnswerTokenizer,
    promptIds: readonly number[],
    options: GenerateOptions,
  ) {
    checkSamplingOptions(options, model.config.vocabSize);
    checkCount('maxTokens', options.maxTokens, 1);
    checkCount('logprobs', options.logprobs, 0);
    checkCount('lookup', options.lookup, 0);
    const policy = options.contextOverflow ?? 'error';
    if (!['error', 'stop', 'truncate-left'].includes(policy)) {
      throw new RangeError(`contextOverflow: expected error, stop or truncate-left, got ${policy}`);
    }
    this.model = model;
    this.options = options;
    this.signal = options.signal;
    this.seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
    this.rng = Rng.fromSeed(this.seed);
    this.scanner = new StopScanner(options.stop ?? []);
    this.decoder = tokenizer.decoder({ skipSpecial: true });
    const eosIds = options.ignoreEos ? [] : [...tokenizer.eosIds, ...model.config.eosIds];
    this.stopIds = new Set([...eosIds, ...(options.stopIds ?? [])]);
    this.cache = options.timeline?.cache ?? model.newCache();
    let fitting: ReturnType<typeof fitContext>;
    try {
      fitting = fitContext(promptIds, this.cache.maxSeqLen, options);
    } catch (error) {
      if (!options.timeline) model.freeCache(this.cache);
      throw error;
    }
    this.ids = [...fitting.promptIds];
    this.promptLength = this.ids.length;
    this.maxTokens = fitting.maxTokens;
    this.cachedTokens = rewind(this.cache, options.timeline?.ids ?? [], this.ids);
  }

  /** Logits after the prompt, as one row; only ids that are not in the cache are computed. */
  async forwardPrompt(): Promise<Logits[] | undefined> {
    const { onPromptProgress } = this.options;
    const logits = await this.forward(this.ids.slice(this.cachedTokens), 'last', onPromptProgress);
    this.promptMs = performance.now() - this.startedAt;
    return logits && [logits];
  }

  /** Ids that may come next, by lookup; none unless asked for. */
  guesses(): readonly number[] {
    const tokensLeft = this.maxTokens - (this.ids.length - this.promptLength) - 1;
    const room = this.cache.maxSeqLen - this.ids.length;
    return guessNext(this.ids, Math.max(0, Math.min(this.options.lookup ?? 0, tokensLeft, room)));
  }

  /**
   * Runs the newest id and the guesses after it: the logits after each. What was guessed wrong before is
   * undone.
   */
  async forwardNext(guesses: readonly number[]): Promise<Logits[] | undefined> {
    this.cache.length = this.ids.length - 1;
    const logits = await this.forward([this.ids[this.ids.length - 1], ...guesses], 'all');
    const { vocabSize } = this.model.config;
    return logits && [...guesses, 0].map((_, row) => logits.subarray(row * vocabSize, (row + 1) * vocabSize));
  }

  /** Logits of the last or of all `newIds`; undefined when the caller's signal came in between. */
  private async forward(
    newIds: readonly number[],
    logits: 'last' | 'all',
    onProgress?: GenerateOptions['onPromptProgress'],
  ): Promise<Logits | undefined> {
    try {
      return await this.model.forward(newIds, this.cache, { logits, signal: this.signal, onProgress });
    } catch (error) {
      if (this.signal?.aborted) return undefined;
      throw error;
    }
  }

  /** Takes a sampled id: decides whether it ends the answer and what text may be shown. */
  accept(id: number, logits: Logits): GeneratedToken {
    let shown = '';
    if (this.stopIds.has(id)) {
      this.stopId = id;
      this.finishReason = 'stop';
    } else {
      this.ids.push(id);
      shown = this.scanner.push(this.decoder.push(id));
      if (this.scanner.stoppedBy !== undefined) this.finishReason = 'stop';
      else if (this.ids.length - this.promptLength === this.maxTokens) this.finishReason = 'length';
    }
    if (this.finishReason) shown += this.scanner.push(this.decoder.end()) + this.scanner.end();
    this.text += shown;
    const now = performance.now();
    const ms = now - this.tokenAt;
    this.tokenAt = now;
    const { logprobs } = this.options;
    if (logprobs === undefined) return { id, text: shown, ms };
    const { logprob, top } = logprobsOf(logits, id, logprobs);
    return { id, text: shown, logprob, topLogprobs: top, ms };
  }

  result(): GenerationResult {
    const ids = this.ids.slice(this.promptLength);
    return {
      finishReason: this.finishReason ?? 'abort',
      stoppedBy: this.scanner.stoppedBy ?? this.stopId,
      text: this.text,
      ids,
      usage: {
        promptTokens: this.promptLength,
        completionTokens: ids.length,
        totalTokens: this.ids.length,
        cachedTokens: this.cachedTokens,
      },
      timings: { promptMs: this.promptMs, generateMs: performance.now() - this.startedAt - this.promptMs },
      seed: this.seed,
    };
  }

  close(): void {
    const { timeline } = this.options;
    if (timeline) {
      // With guesses, the cache may hold a wrong one where the newest id should be.
      const numSure = this.options.lookup ? this.ids.length - 1 : this.ids.length;
      this.cache.length = Math.min(this.cache.length, numSure);
      timeline.ids = this.ids.slice(0, this.cache.length);
    } else this.model.freeCache(this.cache);
  }
}

/** What of prompt and answer fits `limit` positions; the last token of an answer needs none. */
function fitContext(
  promptIds: readonly number[],
  limit: number,
  { maxTokens, contextOverflow = 'error' }: GenerateOptions,
): { promptIds: readonly number[]; maxTokens: number } {
  const wanted = maxTokens ?? DEFAULT_MAX_TOKENS;
  const room = limit + 1 - promptIds.length;
  if (wanted <= room) return { promptIds, maxTokens: wanted };
  if (contextOverflow === 'truncate-left' && wanted <= limit) {
    return { promptIds: promptIds.slice(-(limit + 1 - wanted)), maxTokens: wanted };
  }
  // Without a length of the caller's, an answer is as long as there is room for.
  if (room >= 1 && (contextOverflow === 'stop' || maxTokens === undefined)) {
    return { promptIds, maxTokens: room };
  }
  throw new ContextOverflowError(
    `prompt: expected at most ${limit} positions, got ${promptIds.length} ids and up to ${wanted} tokens of ` +
      'answer; shorten one of them, raise maxSeqLen at load or choose contextOverflow',
  );
}

/**
 * Shortens the cache to what it has in common with `ids`, all but the last of them, and returns that length.
 */
function rewind(cache: KvCache, cachedIds: readonly number[], ids: readonly number[]): number {
  const most = Math.min(cachedIds.length, cache.length, ids.length - 1);
  let common = 0;
  while (common < most && cachedIds[common] === ids[common]) common++;
  cache.length = common;
  return common;
}

function checkCount(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new RangeError(`${name}: expected a whole number of at least ${least}, got ${value}`);
}
