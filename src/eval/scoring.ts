// What a benchmark needs of a model: how likely continuations are, how likely a text is, and what the model
// writes. A Scorer answers that for the model in this process (model-scorer.ts) or behind a URL
// (server-scorer.ts).

import type { ChatReading, Request } from './questions.ts';

/** One continuation under its context. */
export interface Likelihood {
  /** Σ ln p over the continuation's tokens. */
  readonly sum: number;
  /** Whether greedy decoding would have said every one of them. */
  readonly isGreedy: boolean;
}

export interface WriteOptions {
  readonly stop: readonly string[];
  readonly maxNewTokens: number;
  readonly reading?: ChatReading;
}

export interface Scorer {
  /** The continuations of one question; contexts they share are computed once. */
  loglikelihoods(requests: readonly Request[]): Promise<Likelihood[]>;
  /** Σ ln p of a whole text, in windows of the model's length. */
  textLoglikelihood(text: string): Promise<number>;
  /** Greedy continuation up to a stop text, which is left out. */
  write(prompt: string, options: WriteOptions): Promise<string>;
}

/**
 * White space at the end of a context belongs to the continuation, because tokens carry it at their front.
 */
export function movedBlanks(request: Request): Request {
  const context = request.context.trimEnd();
  return { ...request, context, continuation: request.context.slice(context.length) + request.continuation };
}

/** Characters (code points) of each choice without one leading blank: what sums are divided by. */
export function choiceLengths(choices: readonly string[]): number[] {
  return choices.map((choice) => [...choice].length - Number(choice.startsWith(' ')));
}
