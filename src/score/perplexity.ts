// Perplexity of a text and the divergence of two models on it, by the rules of llama.cpp and of
// HuggingFace's guide: they cut the text into windows differently, so their numbers for one model differ by
// several per cent.

import { logSumExp } from '../base/log-sum-exp.ts';
import { exp } from '../base/math.ts';
import type { Model } from '../model/model.ts';
import { scoredPositions } from './kl-base.ts';

/**
 * `llama`: windows that do not overlap, the second half of each is scored (llama-perplexity).
 * `hf`: windows that advance by `stride`, each scores what the one before has not (the transformers guide).
 */
export type WindowRule = 'llama' | 'hf';

/**
 * Ids [begin, end) go through the model; ids from `firstScored` on are scored, each given those before it.
 */
export interface Window {
  readonly begin: number;
  readonly end: number;
  readonly firstScored: number;
}

/**
 * Cuts a text into windows.
 *
 * @param numIds  tokens of the text
 * @param length  tokens of a window
 * @param stride  of `hf`: how far each window advances; windows do not overlap where it equals `length`
 * @throws RangeError when the text has not one window
 */
export function windowsOf(rule: WindowRule, numIds: number, length: number, stride = length): Window[] {
  if (!(length >= 4)) throw new RangeError(`ctx: expected at least 4 tokens, got ${length}`);
  if (!(stride >= 1 && stride <= length)) {
    throw new RangeError(`stride: expected 1 to ${length}, got ${stride}`);
  }
  const windows: Window[] = [];
  if (rule === 'llama') {
    const { first } = scoredPositions(length);
    for (let begin = 0; begin + length <= numIds; begin += length) {
      windows.push({ begin, end: begin + length, firstScored: begin + first + 1 });
    }
  } else {
    let scored = 1; // the first token has nothing before it
    for (let begin = 0; scored < numIds; begin += stride) {
      const end = Math.min(begin + length, numIds);
      // Windows without overlap lose the first token of each: nothing stands before it there.
      windows.push({ begin, end, firstScored: Math.max(scored, begin + 1) });
      scored = end;
    }
  }
  if (windows.length === 0) {
    throw new RangeError(`text: expected at least ${length} tokens, got ${numIds}; use a smaller --ctx`);
  }
  return windows;
}

/** Mean and spread of -ln p over scored tokens, as it grows. */
export interface PerplexityResult {
  readonly perplexity: number;
  /**
   * Half the 95 % interval of the perplexity: 1.96 standard errors of the mean of -ln p,
   * times the perplexity.
   */
  readonly plusMinus: number;
  readonly numScored: number;
  readonly numWindows: number;
  /** Mean of -ln p, nats per token. */
  readonly meanNll: number;
}

/** How a model's distributions differ from a base's over the same positions. */
export interface DivergenceResult {
  /** Mean of KL(base ‖ model), nats. */
  readonly meanKl: number;
  readonly maxKl: number;
  /** KL at the median, 90 %, 99 % of positions. */
  readonly percentiles: Readonly<Record<'50' | '90' | '99', number>>;
  /** Positions at which both put the same token first. */
  readonly sameTop: number;
  readonly basePerplexity: number;
  /** Root mean square of the difference of the true token's probability. */
  readonly rmsProbability: number;
}

/** One scored position: the id that came, and the logits before it [vocabSize], a view that is reused. */
export type OnPosition = (position: {
  readonly window: number;
  /** Index among the scored positions of the window. */
  readonly n: number;
  readonly id: number;
  readonly logits: Float64Array | Float32Array;
}) => void | Promise<void>;

/** Rows of logits at once: 32 rows of 49,152 values are 6.3 MB. */
const ROWS_AT_ONCE = 32;

/**
 * Runs every window and sums -ln p of the scored tokens. Sums are in window order, so the result does not
 * depend on the machine.
 */
export async function perplexity(
  model: Model,
  ids: readonly number[],
  windows: readonly Window[],
  options: {
    readonly onPosition?: OnPosition;
    readonly onWindow?: (done: number, total: number, soFar: PerplexityResult) => void;
    readonly signal?: AbortSignal;
    /** Stands in for the first id of every window, as llama.cpp does with models that begin with a bos token. */
    readonly firstId?: number;
  } = {},
): Promise<PerplexityResult> {
  const longest = Math.max(...windows.map(({ begin, end }) => end - begin));
  const cache = model.newCache(longest);
  const { vocabSize } = model.config;
  let sum = 0;
  let squares = 0;
  let numScored = 0;
  const resultOf = (numWindows: number): PerplexityResult => {
    const meanNll = sum / numScored;
    const variance = Math.max(0, squares / numScored - meanNll * meanNll);
    const error = numScored > 1 ? Math.sqrt(variance / (numScored - 1)) : Number.POSITIVE_INFINITY;
    const value = exp(meanNll);
    return { perplexity: value, plusMinus: 1.96 * error * value, numScored, numWindows, meanNll };
  };
  try {
    for (const [index, { begin, end, firstScored }] of windows.entries()) {
      cache.length = 0;
      const given = options.firstId === undefined ? ids : ids.with(begin, options.firstId);
      if (firstScored - 1 > begin) {
        await model.forward(given.slice(begin, firstScored - 1), cache, {
          logits: 'none',
          signal: options.signal,
        });
      }
      for (let at = firstScored - 1; at < end - 1; at += ROWS_AT_ONCE) {
        options.signal?.throwIfAborted();
        const stop = Math.min(at + ROWS_AT_ONCE, end - 1);
        const rows = await model.forward(given.slice(at, stop), cache, { logits: 'all' });
        for (let t = at; t < stop; t++) {
          const logits = rows.subarray((t - at) * vocabSize, (t - at + 1) * vocabSize);
          const id = ids[t + 1];
          const nll = logSumExp(logits) - logits[id];
          sum += nll;
          squares += nll * nll;
          numScored++;
          await options.onPosition?.({ window: index, n: t + 1 - firstScored, id, logits });
        }
      }
      options.onWindow?.(index + 1, windows.length, resultOf(index + 1));
    }
  } finally {
    model.freeCache(cache);
  }
  return resultOf(windows.length);
}

/** Gathers the divergence from base distributions, position by position. */
export class Divergence {
  private readonly kls: number[] = [];
  private sameTop = 0;
  private baseNll = 0;
  private squares = 0;

  /** @param base ln p of every id; @param logits the model's [vocabSize]; @param id the token that came */
  add(base: Float64Array, logits: Float64Array | Float32Array, id: number): void {
    const sum = logSumExp(logits);
    let kl = 0;
    let baseTop = 0;
    let top = 0;
    for (let i = 0; i < base.length; i++) {
      kl += exp(base[i]) * (base[i] - (logits[i] - sum));
      if (base[i] > base[baseTop]) baseTop = i;
      if (logits[i] > logits[top]) top = i;
    }
    // Sixteen bits cannot tell near ties apart: the model's favourite counts when the base rates it as high.
    if (base[top] === base[baseTop]) this.sameTop++;
    this.kls.push(kl);
    this.baseNll -= base[id];
    this.squares += (exp(base[id]) - exp(logits[id] - sum)) ** 2;
  }

  result(): DivergenceResult {
    const count = this.kls.length;
    const sorted = [...this.kls].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(count - 1, Math.floor(share * count))];
    return {
      meanKl: this.kls.reduce((sum, kl) => sum + kl, 0) / count,
      maxKl: sorted[count - 1],
      percentiles: { 50: at(0.5), 90: at(0.9), 99: at(0.99) },
      sameTop: this.sameTop / count,
      basePerplexity: exp(this.baseNll / count),
      rmsProbability: Math.sqrt(this.squares / count),
    };
  }
}
