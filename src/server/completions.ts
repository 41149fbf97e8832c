// POST /v1/completions: texts or ids to be continued, several at once; with `echo`, how likely each token of the
// prompt is (what evaluation harnesses ask for).

import type { Ticket } from './admission.ts';
import { type AnswerEnd, type AnswerEvent, answer, type Question } from './answer.ts';
import { readNumChoices, readStream, samplingDefaults } from './chat-request.ts';
import { numCharacters, type ScoredPrompt, scorePrompt } from './echo.ts';
import { wrongValue } from './errors.ts';
import { eventStream, json, merged, type StreamEvent } from './event-stream.ts';
import { type Exchange, readBody } from './exchange.ts';
import type { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';
import { CompletionLogprobs, type OffsetToken } from './logprob-shapes.ts';
import { readPrompts } from './prompts.ts';
import { roomFor } from './question.ts';
import { readMaxTokens, readSampling, seedOf } from './sampling.ts';
import type { Service } from './service.ts';
import type { LoggedToken } from './token-log.ts';
import { usageOf } from './usage.ts';

/** OpenAI's default length of a completion. */
const DEFAULT_LENGTH = 16;

interface CompletionRequest {
  /** One for each prompt; an answer of length 0 is none. */
  readonly questions: readonly Question[];
  readonly numChoices: number;
  readonly echo: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

function readCompletionRequest(service: Service, fields: Fields): CompletionRequest {
  service.checkModel(fields.text('model'));
  fields.refuse(['suffix'], 'SmolLM2 was not taught to fill in');
  const echo = fields.flag('echo') ?? false;
  const prompts = readPrompts(service.smol, fields, 'prompt', LIMITS.prompts);
  const numChoices = readNumChoices(fields);
  if (prompts.length * numChoices > LIMITS.answers) {
    throw wrongValue(
      'n',
      `expected at most ${LIMITS.answers} answers of a request, got ${prompts.length * numChoices}`,
    );
  }
  const wanted = readMaxTokens(fields, ['max_tokens'], echo ? 0 : 1);
  const logprobs = fields.count('logprobs', 0, 5);
  const cachePrompt = fields.flag('cache_prompt');
  const sampling = readSampling(fields, samplingDefaults(service));
  const form = service.forms.read(fields);
  const questions = prompts.map((ids) => {
    const most = wanted ?? service.options.maxTokens ?? DEFAULT_LENGTH;
    const maxTokens = Math.min(roomFor(service, ids.length, wanted), most);
    return { ids, maxTokens, sampling, form, cachePrompt, ...(logprobs !== undefined && { logprobs }) };
  });
  return { questions, numChoices, echo, ...readStream(fields) };
}

export async function completions(service: Service, exchange: Exchange): Promise<Response> {
  const asked = readCompletionRequest(service, await readBody(exchange));
  const { questions, numChoices } = asked;
  const tickets = service.admission.tickets(questions.length * numChoices, exchange.client, exchange.signal);
  // Prompt after prompt, and the choices of each.
  const choices = tickets.map((ticket, index) => {
    const question = questions[Math.floor(index / numChoices)];
    return completionEvents(service, asked, question, index % numChoices, ticket, exchange.signal);
  });
  const head = {
    id: `cmpl-${exchange.id}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: service.options.model,
    system_fingerprint: service.fingerprint,
  };
  if (asked.stream)
    return exchange.stream(eventStream(chunks(asked, choices, service, head), exchange.abort));
  const whole = await Promise.all(choices.map(collect));
  return Response.json({
    ...head,
    choices: whole.map(({ text, tokens, end }, index) => ({
      index,
      text,
      logprobs: logprobsShown(service, asked, tokens),
      finish_reason: end.finishReason,
    })),
    usage: usageOf(
      whole.map(({ end }) => end.result),
      questions.length,
    ),
  });
}

interface Piece {
  readonly text: string;
  readonly tokens: readonly OffsetToken[];
}

async function collect(events: AsyncGenerator<Piece, AnswerEnd>): Promise<Piece & { end: AnswerEnd }> {
  let text = '';
  const tokens: OffsetToken[] = [];
  let step = await events.next();
  for (; !step.done; step = await events.next()) {
    text += step.value.text;
    tokens.push(...step.value.tokens);
  }
  return { text, tokens, end: step.value };
}

async function* chunks(
  asked: CompletionRequest,
  choices: AsyncGenerator<Piece, AnswerEnd>[],
  service: Service,
  head: object,
): AsyncGenerator<StreamEvent> {
  const ends: AnswerEnd[] = [];
  const usage = asked.includeUsage && { usage: null };
  const chunk = (choice: object) => json({ ...head, choices: [choice], ...usage });
  const deltas = choices.map(async function* (one, index) {
    try {
      let step = await one.next();
      for (; !step.done; step = await one.next()) {
        const { text, tokens } = step.value;
        yield chunk({ index, text, logprobs: logprobsShown(service, asked, tokens), finish_reason: null });
      }
      ends[index] = step.value;
      return step.value;
    } finally {
      await one.return(ends[index]);
    }
  });
  yield* merged(deltas, (index, { finishReason }) =>
    chunk({ index, text: '', logprobs: null, finish_reason: finishReason }),
  );
  if (asked.includeUsage) {
    const results = ends.map(({ result }) => result);
    yield json({ ...head, choices: [], usage: usageOf(results, asked.questions.length) });
  }
  yield { data: '[DONE]' };
}

function logprobsShown({ smol }: Service, { questions }: CompletionRequest, tokens: readonly OffsetToken[]) {
  return questions[0].logprobs === undefined ? null : new CompletionLogprobs(smol.tokenizer, tokens);
}

/** The prompt, where it is to be echoed, then the answer; tokens with where their text begins. */
async function* completionEvents(
  service: Service,
  { echo }: CompletionRequest,
  question: Question,
  choice: number,
  ticket: Ticket,
  signal: AbortSignal,
): AsyncGenerator<Piece, AnswerEnd> {
  const { tokenizer } = service.smol;
  let offset = 0;
  let scored: ScoredPrompt | undefined;
  if (echo) {
    if (question.logprobs !== undefined) scored = await scorePrompt(service, question, ticket, signal);
    const text = tokenizer.decode(question.ids);
    offset = numCharacters(text);
    try {
      yield { text, tokens: scored?.tokens ?? [] };
    } finally {
      if (question.maxTokens === 0) {
        if (scored) service.cachesFor(question).give(scored.timeline);
        ticket.leave();
      }
    }
    if (question.maxTokens === 0) return promptOnly(question, seedOf(question.sampling.seed, choice));
  }
  const decoder = tokenizer.decoder({ skipSpecial: true });
  const placed = (tokens: readonly LoggedToken[]) =>
    tokens.map((token) => {
      const begin = offset;
      offset += numCharacters(decoder.push(token.id));
      return { ...token, offset: begin };
    });
  const events = answer(service, question, choice, ticket, signal, scored?.timeline);
  try {
    let step = await events.next();
    for (; !step.done; step = await events.next()) {
      const event: AnswerEvent = step.value;
      if (event.kind === 'text') yield { text: event.text, tokens: placed(event.tokens) };
    }
    const { endToken } = step.value;
    // Harnesses count the tokens: the one that ended the answer is one of them.
    if (endToken && question.logprobs !== undefined) yield { text: '', tokens: placed([endToken]) };
    return step.value;
  } finally {
    await events.return(undefined as never);
  }
}

/** The end of an answer that has no tokens. */
function promptOnly({ ids }: Question, seed: number | bigint): AnswerEnd {
  const usage = {
    promptTokens: ids.length,
    completionTokens: 0,
    totalTokens: ids.length,
    cachedTokens: 0,
  };
  const result = {
    finishReason: 'length' as const,
    text: '',
    ids: [],
    usage,
    timings: { promptMs: 0, generateMs: 0 },
    seed,
  };
  return { result, finishReason: 'length' };
}
