// Replays a server's answers through a model: the same prompt, the same tokens before each, and the log-probabilities
// side by side.

import { argmax } from '../base/argmax.ts';
import { logSumExp } from '../base/log-sum-exp.ts';
import type { Model } from '../model/model.ts';
import type { KvCache, Values } from '../ops.ts';
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
export function replay(model: Model, tokenizer: Tokenizer, exchanges: readonly Exchange[]): Promise<Replay> {
  return new Replays(model, tokenizer).of(exchanges);
}

/** The same through a model that is opened for it, and closed. */
export async function replayOn(
  open: () => Promise<Model>,
  tokenizer: Tokenizer,
  exchanges: readonly Exchange[],
): Promise<Replay> {
  const model = await open();
  try {
    return await replay(model, tokenizer, exchanges);
  } finally {
    await model.close();
  }
}

type OneReplay = Omit<Replay, 'numCompared' | 'rms' | 'max'>;

/** A model's replays of exchanges, each computed once; of prompts that begin alike, the beginning too. */
export class Replays {
  readonly model: Model;
  private readonly tokenizer: Tokenizer;
  private readonly known = new Map<Exchange, OneReplay>();

  constructor(model: Model, tokenizer: Tokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  async of(exchanges: readonly Exchange[]): Promise<Replay> {
    const missing = exchanges.filter((exchange) => !this.known.has(exchange));
    if (missing.length > 0) {
      const longest = Math.max(...missing.map(({ ids }) => ids.length)) + ANSWER_TOKENS;
      const reader = new LogitsReader(this.model, longest);
      try {
        for (const exchange of missing) {
          this.known.set(exchange, await replayOne(reader, this.tokenizer, exchange));
        }
      } finally {
        reader.close();
      }
    }
    const parts = exchanges.map((exchange) => this.known.get(exchange) as OneReplay);
    const worst = parts.reduce((a, b) => (b.worstMargin > a.worstMargin ? b : a), NOTHING);
    const theirs = parts.flatMap((part) => part.theirs);
    const ours = parts.flatMap((part) => part.ours);
    return {
      theirs,
      ours,
      contexts: parts.flatMap((part) => part.contexts),
      numChosen: parts.reduce((sum, part) => sum + part.numChosen, 0),
      numGreedy: parts.reduce((sum, part) => sum + part.numGreedy, 0),
      worstMargin: worst.worstMargin,
      worstOff: worst.worstOff,
      ...distance(theirs, ours),
    };
  }
}

const NOTHING: OneReplay = {
  ...{ theirs: [], ours: [], contexts: [] },
  ...{ numChosen: 0, numGreedy: 0, worstMargin: 0, worstOff: 0 },
};

async function replayOne(
  reader: LogitsReader,
  tokenizer: Tokenizer,
  { ids, answer }: Exchange,
): Promise<OneReplay> {
  if (!answer.tokens) return followText(reader, tokenizer, ids, answer.text);
  const chosen = answerIds(tokenizer, answer.tokens);
  if (chosen.length === 0) return NOTHING;
  const rows = await reader.rows([...ids, ...chosen.slice(0, -1)], chosen.length);
  const theirs: number[] = [];
  const ours: number[] = [];
  const contexts: number[] = [];
  let [numGreedy, worstMargin, worstOff] = [0, 0, 0];
  for (const [n, id] of chosen.entries()) {
    const logits = rows[n];
    const sum = logSumExp(logits);
    let best = Number.NEGATIVE_INFINITY;
    for (const logit of logits) best = Math.max(best, logit);
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
  return { theirs, ours, contexts, numChosen: chosen.length, numGreedy, worstMargin, worstOff };
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
 * is what the reference gives its own token there over the one that the text goes on with. The text's tokens are run
 * as one pass, for as long as the reference chooses the same ones.
 */
async function followText(
  reader: LogitsReader,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  text: string,
): Promise<OneReplay> {
  const own: number[] = [];
  let said = '';
  let guess: number[] = [];
  let rows: readonly Values[] = [];
  const result = (numChosen: number, worstMargin: number) => ({
    ...NOTHING,
    ...{ numChosen, numGreedy: own.length, worstMargin },
  });
  while (own.length < ANSWER_TOKENS && said.length < text.length) {
    const goesOn = tokenizer.encode(text.slice(said.length), { addBos: false });
    if (own.length >= rows.length || own.some((id, n) => id !== guess[n])) {
      guess = [...own, ...goesOn].slice(0, ANSWER_TOKENS);
      rows = await reader.rows([...promptIds, ...guess.slice(0, -1)], guess.length);
    }
    const logits = rows[own.length];
    const best = argmax(logits);
    const next = tokenizer.decode([...own, best]).replace(/\ufffd+$/, '');
    if (!text.startsWith(next.slice(0, text.length))) {
      const margin = goesOn.length === 0 ? 0 : logits[best] - logits[goesOn[0]];
      return result(own.length + 1, margin);
    }
    own.push(best);
    said = next;
  }
  return result(own.length, 0);
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

/** Logits after the last of some ids; what they have in common with the ids before them is not computed again. */
class LogitsReader {
  private readonly model: Model;
  private readonly cache: KvCache;
  private held: readonly number[] = [];

  constructor(model: Model, maxSeqLen: number) {
    this.model = model;
    this.cache = model.newCache(Math.min(maxSeqLen, model.maxSeqLen));
  }

  /** Logits [vocabSize] after each of the last `count` ids. */
  async rows(ids: readonly number[], count: number): Promise<readonly Values[]> {
    const { model, cache, held } = this;
    let common = 0;
    while (common < Math.min(held.length, ids.length - count) && held[common] === ids[common]) common++;
    cache.length = common;
    this.held = ids;
    const [rows] = await model.run([{ ids: ids.slice(common), cache, rows: count }]);
    return rows;
  }

  close(): void {
    this.model.freeCache(this.cache);
  }
}
