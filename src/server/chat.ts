// POST /v1/chat/completions: answers whole, or chunk by chunk as they are drawn.

import { type AnswerEnd, type AnswerEvent, answer, callId, type Question } from './answer.ts';
import { type ChatRequest, readChatRequest } from './chat-request.ts';
import { eventStream, json, merged, type StreamEvent } from './event-stream.ts';
import { type Exchange, readBody } from './exchange.ts';
import { chatLogprobs } from './logprob-shapes.ts';
import type { Service } from './service.ts';
import { usageOf } from './usage.ts';

export async function chatCompletions(service: Service, exchange: Exchange): Promise<Response> {
  const asked = await readChatRequest(service, await readBody(exchange));
  const answers = startAnswers(service, asked, exchange);
  const head = {
    id: `chatcmpl-${exchange.id}`,
    created: Math.floor(Date.now() / 1000),
    model: service.options.model,
    system_fingerprint: service.fingerprint,
  };
  if (asked.stream) {
    const events = chunks(service, asked, answers, { ...head, object: 'chat.completion.chunk' });
    return exchange.stream(eventStream(events, exchange.abort));
  }
  const whole = await Promise.all(answers.map((one, k) => wholeAnswer(one, asked.question, k)));
  const choices = whole.map(({ message, events, end }, index) => ({
    index,
    message,
    logprobs:
      asked.question.logprobs === undefined
        ? null
        : { content: events.flatMap((event) => logprobsOf(service, event)), refusal: null },
    finish_reason: end.finishReason,
  }));
  const usage = usageOf(whole.map(({ end }) => end.result));
  return Response.json({ ...head, object: 'chat.completion', choices, usage });
}

/** All choices of a request, waiting for their places. */
export function startAnswers(
  service: Service,
  { question, numChoices }: Pick<ChatRequest, 'question' | 'numChoices'>,
  { client, signal }: Exchange,
): AsyncGenerator<AnswerEvent, AnswerEnd>[] {
  const tickets = service.admission.tickets(numChoices, client, signal);
  return tickets.map((ticket, k) => answer(service, question, k, ticket, signal));
}

export interface WholeAnswer {
  readonly message: { role: 'assistant'; content: string | null; refusal: null; tool_calls?: ToolCall[] };
  readonly events: readonly AnswerEvent[];
  readonly end: AnswerEnd;
}

interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { name: string; arguments: string };
}

/** An answer to its end, as a message. */
export async function wholeAnswer(
  events: AsyncGenerator<AnswerEvent, AnswerEnd>,
  { sampling, form }: Question,
  choice: number,
): Promise<WholeAnswer> {
  const seen: AnswerEvent[] = [];
  const calls: ToolCall[] = [];
  let content = '';
  let step = await events.next();
  for (; !step.done; step = await events.next()) {
    const event = step.value;
    seen.push(event);
    if (event.kind === 'text') content += event.text;
    else if (event.kind === 'name') {
      const id = callId(sampling.seed, choice, event.index);
      calls.push({ id, type: 'function', function: { name: event.name, arguments: '' } });
    } else calls[event.index].function.arguments += event.text;
  }
  const isOnlyCalls = form.isOnlyCalls || (calls.length > 0 && content === '');
  const message = {
    role: 'assistant' as const,
    content: isOnlyCalls ? null : content,
    refusal: null,
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return { message, events: seen, end: step.value };
}

async function* chunks(
  service: Service,
  { question, includeUsage }: ChatRequest,
  answers: AsyncGenerator<AnswerEvent, AnswerEnd>[],
  head: object,
): AsyncGenerator<StreamEvent> {
  const chunk = (choices: object[]) => json({ ...head, choices, ...(includeUsage && { usage: null }) });
  const content = question.form.isOnlyCalls ? null : '';
  const ends: AnswerEnd[] = [];
  const deltas = answers.map(async function* (one, index) {
    try {
      yield chunk([{ index, delta: { role: 'assistant', content }, logprobs: null, finish_reason: null }]);
      let step = await one.next();
      for (; !step.done; step = await one.next()) {
        const delta = deltaOf(step.value, question, index);
        const shown = question.logprobs === undefined ? undefined : logprobsOf(service, step.value);
        const logprobs = shown ? { content: shown, refusal: null } : null;
        yield chunk([{ index, delta, logprobs, finish_reason: null }]);
      }
      ends[index] = step.value;
      return step.value;
    } finally {
      await one.return(ends[index]);
    }
  });
  yield* merged(deltas, (index, { finishReason }) =>
    chunk([{ index, delta: {}, logprobs: null, finish_reason: finishReason }]),
  );
  if (includeUsage) yield json({ ...head, choices: [], usage: usageOf(ends.map(({ result }) => result)) });
  yield { data: '[DONE]' };
}

function deltaOf(event: AnswerEvent, { sampling }: Question, choice: number): object {
  if (event.kind === 'text') return { content: event.text };
  const { index } = event;
  if (event.kind === 'arguments') return { tool_calls: [{ index, function: { arguments: event.text } }] };
  const id = callId(sampling.seed, choice, index);
  return { tool_calls: [{ index, id, type: 'function', function: { name: event.name, arguments: '' } }] };
}

function logprobsOf({ smol }: Service, event: AnswerEvent): object[] {
  return event.kind === 'text' ? event.tokens.map((token) => chatLogprobs(smol.tokenizer, token)) : [];
}
