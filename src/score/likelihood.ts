// What a small model does best in a small place: say how likely texts are, and choose among given answers. One prefill
// each, nothing sampled.

import { argmax } from '../base/argmax.ts';
import { logSumExp } from '../base/log-sum-exp.ts';
import { exp } from '../base/math.ts';
import { shown } from '../base/shown.ts';
import type { Model } from '../model/model.ts';
import type { KvCache, Values } from '../ops.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { checkTexts, withCache } from './with-cache.ts';

/** How likely one text is. Natural logarithms. */
export interface Score {
  /** Ids of the text, with those that were scored: all, or all but the first where nothing stands before it. */
  readonly ids: readonly number[];
  /** ln p of each scored id given all before it. */
  readonly logprobs: readonly number[];
  /** Sum of logprobs: ln p of the text. */
  readonly logprob: number;
  /** exp(-logprob / number of scored ids). */
  readonly perplexity: number;
}

export interface Choice {
  readonly label: string;
  readonly index: number;
  /** In the order of the labels: ln p(label | prompt), and its share among the labels. */
  readonly scores: readonly { label: string; logprob: number; probability: number }[];
}

/**
 * Log-probability of each text. A text starts after the model's begin-of-text id where the tokenizer adds one;
 * otherwise its first id has nothing before it and is not scored.
 *
 * @throws RangeError for a text with fewer than two ids
 */
export async function score(model: Model, tokenizer: Tokenizer, texts: readonly string[]): Promise<Score[]> {
  checkTexts('texts', texts);
  const scores: Score[] = [];
  for (const text of texts) {
    const ids = tokenizer.encode(text);
    if (ids.length < 2) {
      throw new RangeError(`score: expected texts of at least two tokens, got ${JSON.stringify(text)}`);
    }
    const logprobs = await withCache(model, (cache) => logprobsOf(model, cache, ids));
    scores.push(summarise(ids, logprobs));
  }
  return scores;
}

/**
 * The label that the model finds likeliest after `prompt`, by ln p(label | prompt) summed over its tokens. The
 * prompt is computed once; labels are tokenized on their own, so begin them with a space where a word starts there.
 *
 * @throws RangeError for fewer than two labels, one that is empty or comes twice, or an empty prompt
 */
export async function choose(
  model: Model,
  tokenizer: Tokenizer,
  prompt: string,
  labels: readonly string[],
): Promise<Choice> {
  checkTexts('labels', labels);
  if (labels.length < 2) throw new RangeError(`labels: expected at least two, got ${labels.length}`);
  const promptIds = tokenizer.encode(prompt);
  if (promptIds.length === 0) throw new RangeError('prompt: expected a text, got none');
  const labelIds = labels.map((label) => tokenizer.encode(label, { special: false, addBos: false }));
  const empty = labelIds.findIndex((ids) => ids.length === 0);
  if (empty >= 0) throw new RangeError(`labels[${empty}]: expected a text, got none`);
  const twice = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (twice >= 0)
    throw new RangeError(`labels[${twice}]: expected another label, got ${shown(labels[twice])} again`);

  const logprobs = await withCache(model, async (cache) => {
    const [[first]] = await model.run([{ ids: promptIds, cache }]);
    const sums: number[] = [];
    for (const ids of labelIds) {
      let sum = logprobOf(first, ids[0]);
      if (ids.length > 1) {
        const given = ids.slice(0, -1);
        const [rest] = await model.run([{ ids: given, cache, rows: given.length }]);
        for (const [t, logits] of rest.entries()) sum += logprobOf(logits, ids[t + 1]);
        cache.length = promptIds.length;
      }
      sums.push(sum);
    }
    return sums;
  });
  return chosen(labels, logprobs);
}

/** Rows of logits kept at once while a long text is scored: 64 rows of 49,152 values are 12.6 MB. */
const SCORE_ROWS = 64;

async function logprobsOf(model: Model, cache: KvCache, ids: readonly number[]): Promise<number[]> {
  const logprobs: number[] = [];
  for (let begin = 0; begin < ids.length - 1; begin += SCORE_ROWS) {
    const end = Math.min(begin + SCORE_ROWS, ids.length - 1);
    const given = ids.slice(begin, end);
    const [rows] = await model.run([{ ids: given, cache, rows: given.length }]);
    for (const [t, logits] of rows.entries()) logprobs.push(logprobOf(logits, ids[begin + t + 1]));
  }
  return logprobs;
}

/** ln softmax(logits)[id] */
function logprobOf(logits: Values, id: number): number {
  return logits[id] - logSumExp(logits);
}

function summarise(ids: readonly number[], logprobs: readonly number[]): Score {
  const logprob = logprobs.reduce((sum, value) => sum + value, 0);
  return { ids, logprobs, logprob, perplexity: exp(-logprob / logprobs.length) };
}

function chosen(labels: readonly string[], logprobs: readonly number[]): Choice {
  const index = argmax(logprobs);
  const weights = logprobs.map((value) => exp(value - logprobs[index]));
  const total = weights.reduce((sum, value) => sum + value, 0);
  const scores = labels.map((label, i) => ({
    label,
    logprob: logprobs[i],
    probability: weights[i] / total,
  }));
  return { label: labels[index], index, scores };
}
