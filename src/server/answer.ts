// One answer for a client: waits for its place, gets a cache, is drawn token by token, and comes out as events: text
// with its tokens, calls of tools as they are written, then what it took.

import { seedFor } from '../base/seed.ts';
import {
  type Constraint,
  type GenerateOptions,
  type GenerationResult,
  generate,
} from '../generate/generate.ts';
import type { Timeline } from '../generate/options.ts';
import { ToolCallReader, type ToolEvent } from '../grammar/tools.ts';
import type { Ticket } from './admission.ts';
import { RequestError } from './errors.ts';
import type { Form } from './form.ts';
import type { Place } from './places.ts';
import { type Sampling, seedOf } from './sampling.ts';
import type { Service } from './service.ts';
import { type LoggedToken, TokenLog } from './token-log.ts';

/** What the answers of a request have in common. */
export interface Question {
  readonly ids: readonly number[];
  readonly maxTokens: number;
  readonly sampling: Sampling;
  readonly form: Form;
  /** Likeliest ids that are logged beside each token; no log when absent. */
  readonly logprobs?: number;
  /** Whether the prompt may start from what was kept of others, and be kept; true by default. */
  readonly cachePrompt?: boolean;
}

export type AnswerEvent =
  | { readonly kind: 'text'; readonly text: string; readonly tokens: readonly LoggedToken[] }
  | Exclude<ToolEvent, { kind: 'text' }>;

export interface AnswerEnd {
  readonly result: GenerationResult;
  readonly finishReason: 'stop' | 'length' | 'tool_calls';
  /** The token that ended the answer, where one did and tokens are logged. */
  readonly endToken?: LoggedToken;
}

/** The id of a call: the same for the same seed. */
export function callId(seed: number | bigint, choice: number, index: number): string {
  const words = [String(seed), 'call', String(choice), String(index)];
  const hex = (purpose: string) =>
    seedFor(0, ...words, purpose)
      .toString(16)
      .padStart(16, '0');
  return `call_${hex('a')}${hex('b').slice(0, 8)}`;
}

/**
 * @param start  a cache that already holds some of the prompt, by this request's own doing
 * @throws RangeError and others of `generate`, once it runs; what a client can cause is checked before
 */
export async function* answer(
  service: Service,
  question: Question,
  choice: number,
  ticket: Ticket,
  signal: AbortSignal,
  start?: Timeline,
): AsyncGenerator<AnswerEvent, AnswerEnd> {
  const { form, maxTokens, sampling, logprobs, ids } = question;
  const constraint = timed(form.constraint(maxTokens), service.metrics);
  const caches = service.cachesFor(question);
  const options: GenerateOptions = {
    ...sampling.options,
    maxTokens,
    seed: seedOf(sampling.seed, choice),
    signal,
    ...(logprobs !== undefined && { logprobs }),
    ...(constraint && { constraint }),
    // A call that must be whole is not cut.
    ...(form.isOnlyCalls && { stop: [] }),
  };
  try {
    const askedAt = performance.now();
    await ticket.admitted;
    const timeline = start ?? (await caches.take(ids, signal));
    const place = { promptIds: ids, timeline, numDrawn: 0 };
    const leave = service.places.take(place);
    try {
      const tokens = generate(service.smol.model, service.smol.tokenizer, ids, {
        ...options,
        timeline,
        onPromptProgress: () => caches.advance?.(timeline),
      });
      const end = yield* events(service, question, tokens, { place, askedAt, signal });
      return start ? { ...end, result: computedHere(end.result) } : end;
    } finally {
      leave();
      caches.give(timeline);
    }
  } finally {
    ticket.leave();
  }
}

/** The same constraint, its masks timed. */
function timed(constraint: Constraint | undefined, metrics: Service['metrics']): Constraint | undefined {
  return (
    constraint && {
      mask(scores) {
        const startedAt = performance.now();
        constraint.mask(scores);
        metrics.countMask(performance.now() - startedAt);
      },
      accept: (id) => constraint.accept(id),
    }
  );
}

/** What the request computed by itself was in no cache. */
function computedHere(result: GenerationResult): GenerationResult {
  return { ...result, usage: { ...result.usage, cachedTokens: 0 } };
}

async function* events(
  { smol, metrics }: Pick<Service, 'smol' | 'metrics'>,
  { form, logprobs, sampling }: Question,
  tokens: ReturnType<typeof generate>,
  { place, askedAt, signal }: { place: Place; askedAt: number; signal: AbortSignal },
): AsyncGenerator<AnswerEvent, AnswerEnd> {
  const log = new TokenLog(smol.tokenizer);
  const calls = form.hasCalls ? new ToolCallReader() : undefined;
  const endIds = new Set(
    sampling.options.ignoreEos
      ? []
      : [...smol.tokenizer.eosIds, ...smol.tokenizer.endIds, ...smol.config.eosIds],
  );
  let endToken: LoggedToken | undefined;
  // An answer of calls alone shows no text, not even of a call that is cut in its tag.
  let hasCalls = form.isOnlyCalls;
  const shown: LoggedToken[] = [];
  const text = (piece: string): AnswerEvent => ({ kind: 'text', text: piece, tokens: shown.splice(0) });
  let step = await tokens.next();
  for (; !step.done; step = await tokens.next()) {
    const { value: token } = step;
    if (place.numDrawn++ === 0) metrics.countFirstToken(performance.now() - askedAt);
    else metrics.countGap(token.ms);
    const isEnd = endIds.has(token.id);
    if (isEnd) endToken = { id: token.id, logprob: token.logprob ?? 0, top: token.topLogprobs ?? [] };
    if (logprobs !== undefined) shown.push(...log.push(token).filter(({ id }) => !isEnd || id !== token.id));
    if (!calls) {
      if (token.text !== '' || shown.length > 0) yield text(token.text);
      continue;
    }
    for (const event of calls.push(token.text)) {
      hasCalls ||= event.kind !== 'text';
      yield event.kind === 'text' ? text(event.text) : event;
    }
  }
  if (!hasCalls) {
    for (const event of calls?.end() ?? []) if (event.kind === 'text') yield text(event.text);
    if (logprobs !== undefined) shown.push(...log.end());
    if (shown.length > 0) yield text('');
  }
  const result = step.value;
  metrics.countAnswer({
    ...result.usage,
    ...result.timings,
    reason: result.finishReason,
    ...(result.finishReason === 'abort' && {
      why: (signal.reason as Error | undefined)?.message ?? 'stopped',
    }),
  });
  if (result.finishReason === 'abort') throw givenUp();
  const isCut = result.finishReason === 'length';
  const finishReason = isCut ? 'length' : hasCalls ? 'tool_calls' : 'stop';
  return { result, finishReason, ...(endToken && { endToken }) };
}

/** Nobody reads this, but for clients of a server that is stopped before it is done. */
function givenUp(): RequestError {
  return new RequestError('answer: expected its end, got a server or a client that stopped', {
    status: 503,
    type: 'unavailable_error',
    code: 'aborted',
  });
}
