// One answer as a state machine without a model: `pending` says which ids it wants forwarded, `take` what it does with
// the logits that come back. generate.ts runs one on a model, batch.ts many; both are loops of a few lines.

import { ContextOverflowError } from '../base/errors.ts';
import { Rng } from '../base/rng.ts';
import type { ModelConfig } from '../config.ts';
import { logprobsOf } from './logprobs.ts';
import { guessNext } from './lookup.ts';
import {
  type AnswerTokenizer,
  type CheckedOptions,
  checkGenerateOptions,
  type FinishReason,
  type GeneratedToken,
  type GenerateOptions,
  type GenerationResult,
  type Timeline,
} from './options.ts';
import { type History, sample } from './sampler.ts';
import { StopScanner } from './stop.ts';

type Logits = Float64Array | Float32Array;

export const DEFAULT_MAX_TOKENS = 256;

/** What an answer wants forwarded next. */
export interface Pending {
  /** The ids, at positions startPos, startPos + 1, … of the answer's cache; what stands there already is forgotten. */
  readonly ids: readonly number[];
  readonly startPos: number;
  /** So many rows of logits are wanted: those of the last ids. */
  readonly numRows: number;
}

/** The state of one answer: what fits the context, which text may be shown, why the answer ended. */
export class Answer implements History {
  /** Prompt, then answer. */
  readonly ids: number[];
  readonly promptLength: number;
  finishReason: FinishReason | undefined;

  private readonly options: CheckedOptions;
  private readonly rng: Rng;
  private readonly decoder: ReturnType<AnswerTokenizer['decoder']>;
  private readonly scanner: StopScanner;
  private readonly stopIds: ReadonlySet<number>;
  private readonly maxTokens: number;
  private readonly maxSeqLen: number;
  private readonly seed: number | bigint;
  private readonly cachedTokens: number;
  private next: Pending;
  private stopId: number | undefined;
  private text = '';
  private readonly startedAt = performance.now();
  private promptMs: number | undefined;
  private tokenAt = this.startedAt;

  /**
   * @param context the model's numbers, positions of the cache, and the ids whose keys and values are in it
   * @throws RangeError           for options out of range
   * @throws ContextOverflowError when prompt and answer do not fit, unless `contextOverflow` says what to do
   */
  constructor(
    tokenizer: AnswerTokenizer,
    promptIds: readonly number[],
    options: GenerateOptions,
    context: { config: ModelConfig; maxSeqLen: number; cachedIds: readonly number[] },
  ) {
    const { config, maxSeqLen, cachedIds } = context;
    const checked = checkGenerateOptions(options, config.vocabSize);
    this.options = checked;
    this.seed = checked.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
    this.rng = Rng.fromSeed(this.seed);
    this.scanner = new StopScanner(checked.stop);
    this.decoder = tokenizer.decoder({ skipSpecial: true });
    const eosIds = checked.ignoreEos
      ? []
      : [...tokenizer.eosIds, ...(tokenizer.endIds ?? []), ...config.eosIds];
    this.stopIds = new Set([...eosIds, ...(checked.stopIds ?? [])]);
    const fitting = fitContext(promptIds, maxSeqLen, checked);
    this.ids = [...fitting.promptIds];
    this.promptLength = this.ids.length;
    this.maxTokens = fitting.maxTokens;
    this.maxSeqLen = maxSeqLen;
    this.cachedTokens = commonLength(cachedIds, this.ids);
    this.next = { ids: this.ids.slice(this.cachedTokens), startPos: this.cachedTokens, numRows: 1 };
  }

  /** What to forward before `take`: first what of the prompt is not in the cache. Undefined at the end. */
  pending(): Pending | undefined {
    return this.finishReason || this.options.signal?.aborted ? undefined : this.next;
  }

  /**
   * Draws from the rows of `pending`, in order. The row after a guess counts only if the guess was right.
   *
   * @param rows logits [vocabSize] of each row that was asked for
   */
  *take(rows: readonly Logits[]): Generator<GeneratedToken, void> {
    this.promptMs ??= performance.now() - this.startedAt;
    const guesses = this.next.ids.slice(this.next.ids.length - rows.length + 1);
    for (const [index, logits] of rows.entries()) {
      if (!this.pending()) break;
      const id = sample(logits, this.options, this, this.rng);
      yield this.accept(id, logits);
      if (id !== guesses[index]) break;
    }
    const newGuesses = this.guesses();
    const ids = [this.ids[this.ids.length - 1], ...newGuesses];
    this.next = { ids, startPos: this.ids.length - 1, numRows: ids.length };
  }

  result(): GenerationResult {
    const ids = this.ids.slice(this.promptLength);
    const generateMs = this.promptMs === undefined ? 0 : performance.now() - this.startedAt - this.promptMs;
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
      timings: { promptMs: this.promptMs ?? performance.now() - this.startedAt, generateMs },
      seed: this.seed,
    };
  }

  /** Cuts a timeline whose cache this answer has used to what is sure, and writes down what that is. */
  leave(timeline: Timeline): void {
    // With guesses, the cache may hold a wrong one where the newest id should be.
    const numSure = this.options.lookup ? this.ids.length - 1 : this.ids.length;
    timeline.cache.length = Math.min(timeline.cache.length, numSure);
    timeline.ids = this.ids.slice(0, timeline.cache.length);
  }

  /** Ids that may come next, by lookup; none unless asked for. */
  private guesses(): readonly number[] {
    if (!this.options.lookup) return [];
    const tokensLeft = this.maxTokens - (this.ids.length - this.promptLength) - 1;
    const room = this.maxSeqLen - this.ids.length;
    return guessNext(this.ids, Math.max(0, Math.min(this.options.lookup, tokensLeft, room)));
  }

  /** Takes a sampled id: decides whether it ends the answer and what text may be shown. */
  private accept(id: number, logits: Logits): GeneratedToken {
    this.options.constraint?.accept(id);
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
}

/** What of prompt and answer fits `limit` positions; the last token of an answer needs none. */
function fitContext(
  promptIds: readonly number[],
  limit: number,
  { maxTokens, contextOverflow = 'error' }: CheckedOptions,
): { promptIds: readonly number[]; maxTokens: number } {
  if (promptIds.length === 0) throw new RangeError('ids: expected at least one token id, got none');
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

/** Ids that both begin with, but for the last of `ids`: its logits are wanted. */
export function commonLength(cachedIds: readonly number[], ids: readonly number[]): number {
  const longest = Math.min(cachedIds.length, ids.length - 1);
  let common = 0;
  while (common < longest && cachedIds[common] === ids[common]) common++;
  return common;
}
