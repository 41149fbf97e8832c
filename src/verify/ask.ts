// Asking a server everything: texts, conversations, counts of tokens; and reading its log-probabilities in their
// scale.

import { UnavailableError } from '../base/errors.ts';
import type { TextMessage } from '../chat/message.ts';
import type { VerifyReference } from './likeness.ts';
import type { ProbedAnswer, Server } from './openai-probe.ts';
import { ANSWER_TOKENS, distance, type Exchange, type Replay } from './replay.ts';
import { LONG_TEXTS, VERIFY_CHATS, VERIFY_TEXTS } from './verify-prompts.ts';

export interface Chat extends Exchange {
  readonly messages: readonly TextMessage[];
}

export interface Asked {
  readonly texts: readonly Exchange[];
  readonly chats: readonly Chat[];
  readonly tokenizerFindings: readonly string[];
  readonly notes: readonly string[];
}

/** Every question, and what is wrong with the tokens of the prompts. */
export async function askAll(
  server: Server,
  { tokenizer, render, model }: Pick<VerifyReference, 'tokenizer' | 'render' | 'model'>,
  onStep?: (done: number, total: number) => void,
): Promise<Asked> {
  const prompts = [...VERIFY_TEXTS, ...LONG_TEXTS];
  const total = prompts.length + VERIFY_CHATS.length;
  let done = 0;
  const texts: Exchange[] = [];
  const chats: Chat[] = [];
  const tokenizerFindings: string[] = [];
  const notes: string[] = [];
  for (const text of prompts) {
    onStep?.(done++, total);
    const ids = tokenizer.encode(text);
    if (ids.length + ANSWER_TOKENS > model.maxSeqLen) continue;
    const answer = await askOrNote(
      () => server.complete(text, ANSWER_TOKENS),
      `text of ${ids.length} tokens`,
      notes,
    );
    if (!answer) continue;
    tokenizerFindings.push(...tokenFindings(text, ids, await server.tokenize(text), answer.promptTokens));
    texts.push({ ids, answer });
  }
  for (const messages of VERIFY_CHATS) {
    onStep?.(done++, total);
    const ids = tokenizer.encode(await render(messages), { addBos: false });
    const answer = await askOrNote(() => server.chat(messages, ANSWER_TOKENS), 'conversation', notes);
    if (answer) chats.push({ messages, ids, answer });
  }
  if (texts.length + chats.length === 0)
    throw new UnavailableError(`the server answers nothing: ${notes[0]}`);
  return { texts, chats, tokenizerFindings, notes: [...new Set(notes)] };
}

/** An answer, or a note that the server has none: what it has is judged. */
async function askOrNote(
  ask: () => Promise<ProbedAnswer>,
  what: string,
  notes: string[],
): Promise<ProbedAnswer | undefined> {
  try {
    return await ask();
  } catch (error) {
    // A server that is not there, or answers nonsense, is another matter.
    if (!(error instanceof UnavailableError) || !/expected status 200/.test(error.message)) throw error;
    notes.push(`no answer to a ${what}: ${error.message}`);
    return undefined;
  }
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
  if (promptTokens !== undefined && promptTokens > 0 && promptTokens !== ids.length) {
    const bos =
      promptTokens === ids.length + 1 ? ' (one more: a begin-of-text token that this model has not)' : '';
    return [`${shown} has ${promptTokens} tokens there and ${ids.length} here${bos}`];
  }
  return [];
}

export interface Scale {
  /** What their log-probabilities are divided by; undefined where they say nothing. */
  readonly divisor?: number;
  readonly finding: string;
}

/** Bases of logarithms that servers were seen to use. */
const BASES: readonly [string, number][] = [
  ['2', 1 / Math.LN2],
  ['10', 1 / Math.LN10],
];

/** Log-probabilities in another base, or none at all in the place of some. */
export function scaleOf({ theirs, ours, rms }: Replay): Scale | undefined {
  if (theirs.length === 0) return undefined;
  if (theirs.every((logprob) => logprob === 0)) {
    return { finding: 'every log-probability is 0: they were not computed, and are not used' };
  }
  for (const [base, divisor] of BASES) {
    const { rms: other } = distance(
      theirs.map((logprob) => logprob / divisor),
      ours,
    );
    if (other < 0.25 * rms && other < 0.5) {
      return { divisor, finding: `log-probabilities are logarithms to base ${base}, not natural ones` };
    }
  }
  return undefined;
}

export function rescaled<One extends Exchange>(
  exchanges: readonly One[],
  scale: Scale | undefined,
): readonly One[] {
  if (!scale) return exchanges;
  const { divisor } = scale;
  return exchanges.map((exchange) => {
    const { tokens, ...rest } = exchange.answer;
    if (!tokens || divisor === undefined) return { ...exchange, answer: rest };
    const natural = tokens.map((token) => ({
      ...token,
      logprob: token.logprob / divisor,
      top: token.top.map((other) => ({ ...other, logprob: other.logprob / divisor })),
    }));
    return { ...exchange, answer: { ...rest, tokens: natural } };
  });
}
