// Replays a server's answers through a model: the same prompt, the same tokens before each, and the log-probabilities
// side by side.

import { logSumExp } from '../base/log-sum-exp.ts';
import { logprobsOf } from '../generate/logprobs.ts';
import type { Model } from '../model/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ProbedAnswer, ProbedToken } from './openai-probe.ts';

/** A prompt with the ids that the reference makes of it, and what the server answered. */
export interface Exchange {
  readonly ids: readonly number[];
  readonly answer: ProbedAnswer;
}

/** How far a server's log-probabilities and choices are from the reference's. */
export interface Agreement {
  /** Tokens whose log-probability the server gave. */
  readonly numCompared: number;
  /**
   * Root mean square and largest difference of ln p, over chosen and listed tokens; 0 where none was given.
   */
  readonly rms: number;
  readonly max: number;
  /** Tokens of greedy answers, and those that are the reference's own choice in their place. */
  readonly numChosen: number;
  readonly numGreedy: number;
  /** Largest margin by which the reference preferred another token than the server chose, in nats. */
  readonly worstMargin: number;
  /** How far the server's own ln p of that token is from the reference's: large where it computes otherwise. */
  readonly worstOff: number;
}

/** One agreement with the numbers behind it. */
export interface Replay extends Agreement {
  /** ln p by the server and by the model, in the same order for every model. */
  readonly theirs: readonly number[];
  readonly ours: readonly number[];
  /** Tokens before each of them. */
  readonly contexts: readonly number[];
}

/** Tokens asked for per prompt. */
export const ANSWER_TOKENS = 16;

/** Far down the list quantisation decides alone, and some servers cut there. */
const LEAST_LOGPROB = -9;

/** Every generated token given the same tokens before it. */
export async function replay(
  model: Model,
  tokenizer: Tokenizer,
  exchanges: readonly Exchange[],
): Promise<Replay> {
  const theirs: number[] = [];
  const ours: number[] = [];
  const contexts: number[] = [];
  let numChosen = 0;
  let numGreedy = 0;
  let worstMargin = 0;
  let worstOff = 0;
  for (const { ids, answer } of exchanges) {
    if (!answer.tokens) {
      const compared = await followText(model, tokenizer, ids, answer.text);
      numChosen += compared.numChosen;
      numGreedy += compared.numGreedy;
      worstMargin = Math.max(worstMargin, compared.margin);
      continue;
    }
    const chosen = answerIds(tokenizer, answer.tokens);
    if (chosen.length === 0) continue;
    const rows = await answerLogits(model, ids, chosen);
    const { vocabSize } = model.config;
    for (const [n, id] of chosen.entries()) {
      const logits = rows.subarray(n * vocabSize, (n + 1) * vocabSize);
      const sum = logSumExp(logits);
      let best = Number.NEGATIVE_INFINITY;
      for (const logit of logits) best = Math.max(best, logit);
      numChosen++;
      if (logits[id] === best) numGreedy++;
      if (best - logits[id] > worstMargin) {
        worstMargin = best - logits[id];
        worstOff = Math.abs(answer.tokens[n].logprob - (logits[id] - sum));
      }
      for (const { text, logprob } of listed(answer.tokens[n])) {
        const other = idOfText(tokenizer, text);
        if (other === undefined || !(logprob > LEAST_LOGPROB)) continue;
        theirs.push(logprob);
        ours.push(logits[other] - sum);
        contexts.push(ids.length + n);
      }
    }
  }
  return { theirs, ours, contexts, numChosen, numGreedy, worstMargin, worstOff, ...distance(theirs, ours) };
}

/** Differences of ln p as three numbers. */
export function distance(theirs: readonly number[], ours: readonly number[]) {
  let squares = 0;
  let max = 0;
  for (const [n, logprob] of theirs.entries()) {
    const difference = Math.abs(logprob - ours[n]);
    squares += difference * difference;
    max = Math.max(max, difference);
  }
  const numCompared = theirs.length;
  return { numCompared, rms: numCompared > 0 ? Math.sqrt(squares / numCompared) : 0, max };
}

/** The agreement without the numbers behind it. */
export function summary({ theirs: _, ours: __, contexts: ___, ...agreement }: Replay): Agreement {
  return agreement;
}

function listed(token: ProbedToken) {
  return [token, ...token.top.filter(({ text }) => text !== token.text)];
}

/** Ids of an answer, up to the first token that is half of a character: what follows it cannot be placed. */
function answerIds(tokenizer: Tokenizer, tokens: readonly ProbedToken[]): number[] {
  const ids: number[] = [];
  for (const { text } of tokens) {
    const id = idOfText(tokenizer, text);
    if (id === undefined) break;
    ids.push(id);
  }
  return ids;
}

/**
 * Follows a greedy text with the reference's own greedy tokens, up to the first that says something else; the margin
 * is what the reference gives its own token there over the one that the text goes on with.
 */
async function followText(
  model: Model,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  text: string,
): Promise<{ numChosen: number; numGreedy: number; margin: number }> {
  const cache = model.newCache(Math.min(promptIds.length + ANSWER_TOKENS, model.maxSeqLen));
  const own: number[] = [];
  let said = '';
  try {
    let logits = await model.forward(promptIds, cache);
    while (own.length < ANSWER_TOKENS && said.length < text.length) {
      const [best] = logprobsOf(logits, 0, 1).top;
      const next = tokenizer.decode([...own, best.id]).replace(/\ufffd+$/, '');
      if (!text.startsWith(next.slice(0, text.length))) {
        const [theirs] = tokenizer.encode(text.slice(said.length), { addBos: false });
        const margin = theirs === undefined ? 0 : logits[best.id] - logits[theirs];
        return { numChosen: own.length + 1, numGreedy: own.length, margin };
      }
      own.push(best.id);
      said = next;
      logits = await model.forward([best.id], cache);
    }
    return { numChosen: own.length, numGreedy: own.length, margin: 0 };
  } finally {
    model.freeCache(cache);
  }
}

/**
 * The id whose bytes are the text, if it is a single token; half a character is shown as U+FFFD and could be
 * any.
 */
function idOfText(tokenizer: Tokenizer, text: string): number | undefined {
  if (text.includes('\ufffd')) return undefined;
  const ids = tokenizer.encode(text, { addBos: false });
  return ids.length === 1 && tokenizer.decode(ids) === text ? ids[0] : undefined;
}

/** Logits [chosen.length, vocabSize] before each chosen id. */
async function answerLogits(model: Model, promptIds: readonly number[], chosen: readonly number[]) {
  const ids = [...promptIds, ...chosen.slice(0, -1)];
  const cache = model.newCache(Math.min(ids.length, model.maxSeqLen));
  try {
    await model.forward(promptIds.slice(0, -1).length > 0 ? promptIds.slice(0, -1) : [ids[0]], cache, {
      logits: 'none',
    });
    cache.length = promptIds.length - 1;
    return await model.forward(ids.slice(promptIds.length - 1), cache, { logits: 'all' });
  } finally {
    model.freeCache(cache);
  }
}
