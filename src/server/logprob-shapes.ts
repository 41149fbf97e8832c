// Log-probabilities as chat and as completions show them. They are the model's own, before any step of sampling.

import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { LoggedToken } from './token-log.ts';

/** `logprobs.content[i]` of chat. */
export function chatLogprobs(tokenizer: Tokenizer, { id, logprob, top }: LoggedToken): object {
  return {
    ...named(tokenizer, id, logprob),
    top_logprobs: top.map((one) => named(tokenizer, one.id, one.logprob)),
  };
}

function named(tokenizer: Tokenizer, id: number, logprob: number): object {
  // What a draw cannot bring has -Infinity, which JSON has no number for.
  return {
    token: tokenizer.decode([id]),
    logprob: finite(logprob),
    bytes: [...tokenizer.tokenBytes(id)],
  };
}

const finite = (logprob: number) => (Number.isFinite(logprob) ? logprob : -Number.MAX_VALUE);

/** `logprobs` of completions: four lists side by side. */
export class CompletionLogprobs {
  readonly tokens: string[] = [];
  readonly token_logprobs: (number | null)[] = [];
  readonly top_logprobs: (Record<string, number> | null)[] = [];
  /** Where each token's text begins, in characters (code points). */
  readonly text_offset: number[] = [];

  constructor(tokenizer: Tokenizer, tokens: readonly OffsetToken[]) {
    for (const { id, logprob, top, offset } of tokens) {
      const text = tokenizer.decode([id]);
      this.tokens.push(text);
      this.token_logprobs.push(logprob === undefined ? null : finite(logprob));
      this.top_logprobs.push(logprob === undefined ? null : byText(tokenizer, [...top, { id, logprob }]));
      this.text_offset.push(offset);
    }
  }
}

export interface OffsetToken extends Omit<LoggedToken, 'logprob'> {
  /** Undefined for the first token of a text, which nothing stands before. */
  readonly logprob: number | undefined;
  readonly offset: number;
}

/** Two ids may have one text: the larger counts, so that the likeliest token is always there with its own number. */
function byText(
  tokenizer: Tokenizer,
  list: readonly { id: number; logprob: number }[],
): Record<string, number> {
  const found = new Map<string, number>();
  for (const { id, logprob } of list) {
    const text = tokenizer.decode([id]);
    found.set(text, Math.max(finite(logprob), found.get(text) ?? Number.NEGATIVE_INFINITY));
  }
  return Object.fromEntries(found);
}
