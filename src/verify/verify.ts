// Judges software that only gives answers: does it run this model, with its tokenizer and chat template, and
// how exactly? Every answer is replayed through the reference: same prompt, same tokens, and the
// log-probabilities side by side.

import { logSumExp } from '../base/log-sum-exp.ts';
import type { TextMessage } from '../chat/message.ts';
import { logprobsOf } from '../generate/logprobs.ts';
import type { Model } from '../model/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ProbedAnswer, ProbedToken, Server } from './openai-probe.ts';
import { VERIFY_CHATS, VERIFY_TEXTS, WRONG_TEMPLATES } from './verify-prompts.ts';

export type Verdict =
  | 'right'
  | 'right-quantised'
  | 'wrong-tokenizer'
  | 'wrong-template'
  | 'wrong-rope-theta'
  | 'wrong-model';

export interface VerifyReport {
  readonly verdict: Verdict;
  /** One sentence per finding, the most telling first. */
  readonly findings: readonly string[];
  readonly texts: Agreement;
  readonly chats: Agreement;
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
}

export interface VerifyReference {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** The model's own chat template. */
  readonly render: (messages: readonly TextMessage[]) => Promise<string>;
  /** The same weights with another theta, to test what a server may have done. */
  readonly withTheta?: (ropeTheta: number) => Promise<Model>;
}

/** Tokens asked for per prompt. */
const ANSWER_TOKENS = 16;

/**
 * Differences of ln p by what makes them, root mean square over the prompts of verify-prompts.ts, measured on
 * SmolLM2-135M (docs/guides/verify-your-own.md): float32 programs stay under the first, 16-bit weights or
 * activations under the second, 8-bit activations and requantised 4-bit weights under the third.
 */
export const NOISE = { float32: 2e-3, sixteenBit: 0.06, quantised: 0.75 } as const;

/** Thetas that other models of the family use. */
const THETAS = [10_000, 100_000, 130_000, 500_000, 1_000_000];

/** A prompt with the ids that the reference makes of it, and what the server answered. */
interface Exchange {
  readonly ids: readonly number[];
  readonly answer: ProbedAnswer;
}

/**
 * Asks the server everything and says what it is.
 *
 * @param onStep called before each question, for progress
 */
export async function verifyServer(
  server: Server,
  reference: VerifyReference,
  onStep?: (done: number, total: number) => void,
): Promise<VerifyReport> {
  const { tokenizer } = reference;
  const total = VERIFY_TEXTS.length + VERIFY_CHATS.length;
  let done = 0;
  const texts: Exchange[] = [];
  const tokenizerFindings: string[] = [];
  for (const text of VERIFY_TEXTS) {
    onStep?.(done++, total);
    const ids = tokenizer.encode(text);
    const answer = await server.complete(text, ANSWER_TOKENS);
    tokenizerFindings.push(...tokenFindings(text, ids, await server.tokenize(text), answer.promptTokens));
    texts.push({ ids, answer });
  }
  const chats: (Exchange & { messages: readonly TextMessage[] })[] = [];
  for (const messages of VERIFY_CHATS) {
    onStep?.(done++, total);
    const ids = tokenizer.encode(await reference.render(messages), { addBos: false });
    chats.push({ messages, ids, answer: await server.chat(messages, ANSWER_TOKENS) });
  }
  const ofTexts = await agreement(reference.model, tokenizer, texts);
  const ofChats = await agreement(reference.model, tokenizer, chats);
  const shared = { texts: ofTexts, chats: ofChats };
  if (tokenizerFindings.length > 0) {
    return { verdict: 'wrong-tokenizer', findings: tokenizerFindings, ...shared };
  }
  const isExact = ofTexts.numCompared > 0 && ofTexts.rms <= NOISE.sixteenBit;
  const theta = isExact ? undefined : await thetaFinding(reference, texts, ofTexts);
  if (theta) return { verdict: 'wrong-rope-theta', findings: [theta], ...shared };
  if (!isSameModel(ofTexts)) {
    const findings = [`other weights or another network: ${sizeOf(ofTexts)}`];
    return { verdict: 'wrong-model', findings, ...shared };
  }
  const template = await templateFindings(reference, chats, ofTexts, ofChats);
  if (template.length > 0) return { verdict: 'wrong-template', findings: template, ...shared };
  return { verdict: isExact ? 'right' : 'right-quantised', findings: [rightSentence(ofTexts)], ...shared };
}

function tokenFindings(
  text: string,
  ids: readonly number[],
  theirs: readonly number[] | undefined,
  promptTokens: number | undefined,
): string[] {
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  if (theirs && theirs.join() !== ids.join()) {
    const at = ids.findIndex((id, t) => id !== theirs[t]);
    const where =
      at < 0 ? `${theirs.length} ids instead of ${ids.length}` : `id ${theirs[at]} instead of ${ids[at]}`;
    return [`the tokenizer differs on ${shown}: ${where} at position ${at < 0 ? ids.length : at}`];
  }
  if (promptTokens !== undefined && promptTokens !== ids.length) {
    const bos =
      promptTokens === ids.length + 1 ? ' (one more: a begin-of-text token that this model has not)' : '';
    return [`${shown} has ${promptTokens} tokens there and ${ids.length} here${bos}`];
  }
  return [];
}

/** Quantised noise flips choices, but only between tokens that are nearly as likely. */
function isSameModel({ numCompared, rms, numChosen, numGreedy, worstMargin }: Agreement): boolean {
  if (numCompared > 0) return rms <= NOISE.quantised;
  return numChosen > 0 && numGreedy / numChosen > 0.6 && worstMargin < 4 * NOISE.quantised;
}

function rightSentence(of: Agreement): string {
  if (of.numCompared === 0) {
    return (
      `the server gives no log-probabilities; ${of.numGreedy} of its ${of.numChosen} greedy tokens are ours, and ` +
      `the others lose by at most ${of.worstMargin.toFixed(2)} nats: the right model, how exact cannot be said`
    );
  }
  const size = `ln p differs by ${of.rms.toExponential(1)} (root mean square of ${of.numCompared} values)`;
  if (of.rms <= NOISE.float32) return `the right model in float32 arithmetic: ${size}`;
  if (of.rms <= NOISE.sixteenBit) return `the right model with 16-bit weights or activations: ${size}`;
  return (
    `the right model, ${size}: as much as activations quantised to 8 bits or requantised weights make ` +
    '(llama.cpp multiplies quantised weights by 8-bit activations)'
  );
}

/** Replays answers through a model: every generated token given the same tokens before it. */
async function agreement(
  model: Model,
  tokenizer: Tokenizer,
  exchanges: readonly Exchange[],
): Promise<Agreement> {
  let squares = 0;
  let numCompared = 0;
  let max = 0;
  let numChosen = 0;
  let numGreedy = 0;
  let worstMargin = 0;
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
      worstMargin = Math.max(worstMargin, best - logits[id]);
      for (const { text, logprob } of listed(answer.tokens[n])) {
        const other = idOfText(tokenizer, text);
        // Far down the list quantisation decides alone, and some servers cut there.
        if (other === undefined || !(logprob > -9)) continue;
        const difference = Math.abs(logprob - (logits[other] - sum));
        squares += difference * difference;
        max = Math.max(max, difference);
        numCompared++;
      }
    }
  }
  const rms = numCompared > 0 ? Math.sqrt(squares / numCompared) : 0;
  return { numCompared, rms, max, numChosen, numGreedy, worstMargin };
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
  const cache = model.newCache(Math.min(promptIds.length + ANSWER_TOKENS, model.config.maxSeqLen));
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
  const cache = model.newCache(Math.min(ids.length, model.config.maxSeqLen));
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

function sizeOf(of: Agreement): string {
  return of.numCompared > 0
    ? `ln p differs by ${of.rms.toFixed(2)} (root mean square of ${of.numCompared} values)`
    : `${of.numGreedy} of ${of.numChosen} greedy tokens are the reference's`;
}

/** What is wrong with a server's answers, as one number: the less, the better the model fits. */
function misfit(of: Agreement): number {
  return of.numCompared > 0 ? of.rms : 1 - of.numGreedy / Math.max(1, of.numChosen);
}

/** Another theta must leave less than this share of the difference to be named. */
const BETTER = 0.6;

/** The same weights with another theta, where that explains the answers better. */
async function thetaFinding(
  reference: VerifyReference,
  texts: readonly Exchange[],
  own: Agreement,
): Promise<string | undefined> {
  const { ropeTheta } = reference.model.config;
  if (!reference.withTheta || misfit(own) < 0.1) return undefined;
  let best = { theta: ropeTheta, agreement: own };
  for (const theta of THETAS.filter((other) => other !== ropeTheta)) {
    const model = await reference.withTheta(theta);
    try {
      const found = await agreement(model, reference.tokenizer, texts);
      if (misfit(found) < misfit(best.agreement)) best = { theta, agreement: found };
    } finally {
      await model.close();
    }
  }
  if (!(misfit(best.agreement) < BETTER * misfit(own))) return undefined;
  return (
    `rope theta ${best.theta} fits, the model has ${ropeTheta}: with it ${sizeOf(best.agreement)}; ` +
    `without it ${sizeOf(own)}`
  );
}

/** Whether conversations are rendered as the model's template does, and if not, how. */
async function templateFindings(
  reference: VerifyReference,
  chats: readonly (Exchange & { messages: readonly TextMessage[] })[],
  ofTexts: Agreement,
  ofChats: Agreement,
): Promise<string[]> {
  const counted = chats.filter(({ answer }) => answer.promptTokens !== undefined);
  const otherCount = counted.find(({ answer, ids }) => answer.promptTokens !== ids.length);
  const isNoisier =
    ofChats.numCompared > 0
      ? ofChats.rms > Math.max(2 * ofTexts.rms, NOISE.sixteenBit) && ofChats.rms > NOISE.quantised / 2
      : !isSameModel(ofChats);
  // A server may count a token more or less; the answers decide, and the count only where they say nothing.
  if (!isNoisier && !(otherCount && ofChats.numCompared === 0)) return [];
  const findings = otherCount
    ? [
        `the conversation "${otherCount.messages.at(-1)?.content}" has ${otherCount.answer.promptTokens} tokens ` +
          `there and ${otherCount.ids.length} by the model's template`,
      ]
    : [];
  findings.push(
    ofChats.numCompared > 0
      ? `answers to conversations differ by ${ofChats.rms.toFixed(2)} in ln p, plain texts by ${ofTexts.rms.toFixed(2)}`
      : `${ofChats.numGreedy} of ${ofChats.numChosen} tokens of its answers are the reference's`,
  );
  const fitting = await fittingTemplate(reference, chats, ofChats);
  return fitting ? [`the template seems to be: ${fitting}`, ...findings] : findings;
}

async function fittingTemplate(
  { model, tokenizer }: VerifyReference,
  chats: readonly (Exchange & { messages: readonly TextMessage[] })[],
  own: Agreement,
): Promise<string | undefined> {
  let best: { name: string; score: number } | undefined;
  for (const [name, render] of Object.entries(WRONG_TEMPLATES)) {
    const rendered = chats.map(({ messages, answer }) => ({
      ids: tokenizer.encode(render(messages), { addBos: false }),
      answer,
    }));
    const score = misfit(await agreement(model, tokenizer, rendered));
    if (score < (best?.score ?? misfit(own))) best = { name, score };
  }
  return best && best.score < BETTER * misfit(own) ? best.name : undefined;
}
