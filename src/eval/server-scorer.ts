// The Scorer of a model behind an OpenAI-compatible server that can echo a prompt with its log-probabilities:
// the legacy completions call with echo, max_tokens and logprobs, as lm-evaluation-harness uses it.

import { FormatError, UnsupportedError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Request } from './questions.ts';
import { type Likelihood, movedBlanks, type Scorer, type WriteOptions } from './scoring.ts';

/** Sends a JSON body to a path under the server's base URL; resolves to the parsed answer. */
export type PostJson = (path: string, body: Readonly<Record<string, unknown>>) => Promise<unknown>;

interface EchoedTokens {
  readonly logprobs: readonly (number | null)[];
  readonly offsets: readonly number[];
  /** The likeliest token at each place, where the server tells. */
  readonly best: readonly (Likeliest | undefined)[];
  /** The tokens as text, where the server tells. */
  readonly texts: readonly unknown[];
}

interface Likeliest {
  readonly text: string;
  readonly logprob: number;
}

const FILE = 'server';
/** Whoever has read these twice expects them a third and a fourth time, the smallest of models too. */
const REPEATED = ' red green blue white black'.repeat(4);

/** Scores through the server; the tokenizer is the server's own. */
export class ServerScorer implements Scorer {
  private readonly post: PostJson;
  private readonly model: string;
  private aligned = false;

  constructor(post: PostJson, model: string) {
    this.post = post;
    this.model = model;
  }

  async loglikelihoods(requests: readonly Request[]): Promise<Likelihood[]> {
    const moved = requests.map(movedBlanks);
    const results: Likelihood[] = [];
    for (const { context, continuation } of moved) {
      const echoed = await this.echo(context + continuation);
      results.push(likelihoodAfter(echoed, [...context].length));
    }
    return results;
  }

  async textLoglikelihood(text: string): Promise<number> {
    const { logprobs } = await this.echo(text);
    return logprobs.reduce((sum: number, logprob) => sum + (logprob ?? 0), 0);
  }

  async write(prompt: string, { stop, maxNewTokens }: WriteOptions): Promise<string> {
    const request = { model: this.model, prompt, max_tokens: maxNewTokens, temperature: 0 };
    const choice = firstChoice(
      await this.post('/completions', stop.length > 0 ? { ...request, stop } : request),
    );
    if (typeof choice.text !== 'string')
      throw new FormatError('expected a text', { file: FILE, field: 'text' });
    return choice.text;
  }

  private async echo(prompt: string): Promise<EchoedTokens> {
    if (!this.aligned) checkAlignment(await this.echoed(REPEATED));
    this.aligned = true;
    return this.echoed(prompt);
  }

  private async echoed(prompt: string): Promise<EchoedTokens> {
    const body = { model: this.model, prompt, max_tokens: 1, temperature: 0, echo: true, logprobs: 1 };
    const { logprobs } = firstChoice(await this.post('/completions', body));
    if (!isRecord(logprobs) || !Array.isArray(logprobs.token_logprobs)) {
      throw new UnsupportedError(
        'server: expected logprobs of the echoed prompt, got none; it must support echo with logprobs',
      );
    }
    return checkedTokens(logprobs, [...prompt].length);
  }
}

/** The tokens of the prompt: the one that was generated after it is dropped. */
function checkedTokens(logprobs: Record<string, unknown>, promptLength: number): EchoedTokens {
  const { token_logprobs: values, text_offset: offsets, top_logprobs: top, tokens: texts } = logprobs;
  const isNumbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((item) => typeof item === 'number');
  if (!isNumbers(offsets) || !Array.isArray(values) || values.length !== offsets.length) {
    throw new FormatError('expected text_offset as long as token_logprobs', {
      file: FILE,
      field: 'logprobs',
    });
  }
  const count = offsets.filter((offset) => offset < promptLength).length;
  const all = values.slice(0, count).map((value: unknown, i) => {
    const isLogprob = typeof value === 'number' || (i === 0 && value === null);
    if (!isLogprob) {
      throw new FormatError(`expected a number, got ${shown(value)}`, {
        file: FILE,
        field: `logprobs.token_logprobs[${i}]`,
      });
    }
    return value as number | null;
  });
  const best = all.map((_, i) => {
    const likeliest: unknown = Array.isArray(top) ? top[i] : undefined;
    return isRecord(likeliest) ? likeliestOf(likeliest) : undefined;
  });
  return { logprobs: all, offsets: offsets.slice(0, count), best, texts: Array.isArray(texts) ? texts : [] };
}

function likeliestOf(logprobs: Record<string, unknown>): Likeliest | undefined {
  const entries = Object.entries(logprobs).map(([text, logprob]) => ({ text, logprob: Number(logprob) }));
  return entries.sort((a, b) => b.logprob - a.logprob)[0];
}

/**
 * The log-probabilities at token i must come from the tokens before it. Some servers give those from token i
 * itself on (llama-cpp-python 0.3.36 does for models without a beginning-of-text token): what such a server
 * expects of a repeated text is then the next token at every place, and every score would be wrong.
 */
function checkAlignment({ best, texts }: EchoedTokens): void {
  const expected = (shift: number) =>
    best.filter((likeliest, i) => likeliest && likeliest.text === texts[i + shift]).length;
  if (expected(1) > expected(0)) {
    throw new UnsupportedError(
      'server: expected ln p of each echoed token after those before it, got them one token late',
    );
  }
}

/** Tokens that begin in the continuation; where none does, the last one, as in the harnesses. */
function likelihoodAfter({ logprobs, offsets, best }: EchoedTokens, contextLength: number): Likelihood {
  const found = offsets.findIndex((offset) => offset >= contextLength);
  const begin = Math.max(1, found < 0 ? logprobs.length - 1 : found);
  let sum = 0;
  let isGreedy = true;
  for (let i = begin; i < logprobs.length; i++) {
    const logprob = logprobs[i] ?? 0;
    sum += logprob;
    if ((best[i]?.logprob ?? 0) > logprob) isGreedy = false;
  }
  return { sum, isGreedy };
}

function firstChoice(answer: unknown): Record<string, unknown> {
  const choices = isRecord(answer) ? answer.choices : undefined;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (isRecord(choice)) return choice;
  throw new FormatError(`expected at least one choice, got ${shown(answer)}`, {
    file: FILE,
    field: 'choices',
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
