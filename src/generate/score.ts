// What a small model does best in a small place: say how likely texts are, choose among given answers, and turn a
// text into a vector. One prefill each, nothing sampled.

import { exp, log } from '../base/math.ts';
import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

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
 * @throws RangeError for fewer than two labels, an empty label or an empty prompt
 */
export async function choose(
  model: Model,
  tokenizer: Tokenizer,
  prompt: string,
  labels: readonly string[],
): Promise<Choice> {
  if (labels.length < 2) throw new RangeError(`labels: expected at least two, got ${labels.length}`);
  const promptIds = tokenizer.encode(prompt);
  if (promptIds.length === 0) throw new RangeError('prompt: expected a text, got none');
  const labelIds = labels.map((label) => tokenizer.encode(label, { special: false, addBos: false }));
  const empty = labelIds.findIndex((ids) => ids.length === 0);
  if (empty >= 0) throw new RangeError(`labels[${empty}]: expected a text, got none`);

  const logprobs = await withCache(model, async (cache) => {
    const first = await model.forward(promptIds, cache);
    const sums: number[] = [];
    for (const ids of labelIds) {
      let sum = logprobAt(first, 0, ids[0], model.config.vocabSize);
      if (ids.length > 1) {
        const rest = await model.forward(ids.slice(0, -1), cache, { logits: 'all' });
        for (let t = 1; t < ids.length; t++) sum += logprobAt(rest, t - 1, ids[t], model.config.vocabSize);
        cache.length = promptIds.length;
      }
      sums.push(sum);
    }
    return sums;
  });
  return chosen(labels, logprobs);
}

/**
 * The mean over all positions of the last hidden state (HF `last_hidden_state`, after the final norm), scaled to
 * length 1: [hiddenSize] for each text. Dot products of two such vectors are cosines.
 *
 * @throws RangeError for an empty text
 */
export async function embed(
  model: Model,
  tokenizer: Tokenizer,
  texts: readonly string[],
): Promise<Float32Array[]> {
  const { hiddenSize } = model.config;
  const vectors: Float32Array[] = [];
  for (const [index, text] of texts.entries()) {
    const ids = tokenizer.encode(text);
    if (ids.length === 0) throw new RangeError(`texts[${index}]: expected a text, got none`);
    const mean = new Float64Array(hiddenSize);
    await withCache(model, (cache) =>
      model.forward(ids, cache, {
        logits: 'none',
        points: ['model.norm'],
        trace: (_name, value) => {
          const hidden = model.read(value); // [ids.length, hiddenSize]
          for (let t = 0; t < ids.length; t++) {
            for (let i = 0; i < hiddenSize; i++) mean[i] += hidden[t * hiddenSize + i];
          }
        },
      }),
    );
    const length = Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0));
    vectors.push(Float32Array.from(mean, (value) => (length === 0 ? 0 : value / length)));
  }
  return vectors;
}

async function withCache<T>(model: Model, use: (cache: KvCache) => Promise<T>): Promise<T> {
  const cache = model.newCache(); // it grows as it is filled
  try {
    return await use(cache);
  } finally {
    model.freeCache(cache);
  }
}

/** Rows of logits kept at once while a long text is scored: 64 rows of 49,152 values are 12.6 MB. */
const SCORE_ROWS = 64;

async function logprobsOf(model: Model, cache: KvCache, ids: readonly number[]): Promise<number[]> {
  const logprobs: number[] = [];
  for (let begin = 0; begin < ids.length - 1; begin += SCORE_ROWS) {
    const end = Math.min(begin + SCORE_ROWS, ids.length - 1);
    const logits = await model.forward(ids.slice(begin, end), cache, { logits: 'all' });
    for (let t = begin; t < end; t++) {
      logprobs.push(logprobAt(logits, t - begin, ids[t + 1], model.config.vocabSize));
    }
  }
  return logprobs;
}

/** ln softmax(logits[row])[id]; logits [rows, vocabSize]. */
function logprobAt(logits: ArrayLike<number>, row: number, id: number, vocabSize: number): number {
  const begin = row * vocabSize;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < vocabSize; i++) max = Math.max(max, logits[begin + i]);
  let sum = 0;
  for (let i = 0; i < vocabSize; i++) sum += exp(logits[begin + i] - max);
  return logits[begin + id] - max - log(sum);
}

function summarise(ids: readonly number[], logprobs: readonly number[]): Score {
  const logprob = logprobs.reduce((sum, value) => sum + value, 0);
  return { ids, logprobs, logprob, perplexity: exp(-logprob / logprobs.length) };
}

function chosen(labels: readonly string[], logprobs: readonly number[]): Choice {
  const index = logprobs.indexOf(Math.max(...logprobs));
  const weights = logprobs.map((value) => exp(value - logprobs[index]));
  const total = weights.reduce((sum, value) => sum + value, 0);
  const scores = labels.map((label, i) => ({
    label,
    logprob: logprobs[i],
    probability: weights[i] / total,
  }));
  return { label: labels[index], index, scores };
}
