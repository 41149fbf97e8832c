// POST /v1/responses: the same answers as chat, as items and as the events in which they grow.

import type { AnswerEnd, AnswerEvent } from './answer.ts';
import { callId } from './answer.ts';
import { startAnswers } from './chat.ts';
import { eventStream, type StreamEvent } from './event-stream.ts';
import { type Exchange, readBody } from './exchange.ts';
import { readResponseRequest } from './response-request.ts';
import type { Service } from './service.ts';

export async function responses(service: Service, exchange: Exchange): Promise<Response> {
  const asked = await readResponseRequest(service, await readBody(exchange));
  const [events] = startAnswers(service, { question: asked.question, numChoices: 1 }, exchange);
  const head = {
    id: `resp_${exchange.id}`,
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    model: service.options.model,
    error: null,
    ...asked.echoed,
  };
  const items = new OutputItems(exchange.id, asked.question.sampling.seed);
  if (asked.stream) return exchange.stream(eventStream(stream(events, items, head), exchange.abort));
  let step = await events.next();
  for (; !step.done; step = await events.next()) items.take(step.value);
  items.end(step.value);
  return Response.json(ended(head, items, step.value));
}

/** The response object at the end. */
function ended(head: object, { output }: OutputItems, { result, finishReason }: AnswerEnd): object {
  const { promptTokens, completionTokens, cachedTokens } = result.usage;
  const isCut = finishReason === 'length';
  return {
    ...head,
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: cachedTokens },
      output_tokens: completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: promptTokens + completionTokens,
    },
  };
}

async function* stream(
  events: AsyncGenerator<AnswerEvent, AnswerEnd>,
  items: OutputItems,
  head: object,
): AsyncGenerator<StreamEvent> {
  let number = 0;
  const event = (body: Typed): StreamEvent => ({
    event: body.type,
    data: JSON.stringify({ ...body, sequence_number: number++ }),
  });
  const begun = { ...head, status: 'in_progress', incomplete_details: null, output: [], usage: null };
  yield event({ type: 'response.created', response: begun });
  yield event({ type: 'response.in_progress', response: begun });
  let step = await events.next();
  try {
    for (; !step.done; step = await events.next())
      for (const body of items.take(step.value)) yield event(body);
  } finally {
    if (!step.done) await events.return(undefined as never);
  }
  for (const body of items.end(step.value)) yield event(body);
  const response = ended(head, items, step.value);
  const isCut = step.value.finishReason === 'length';
  yield event({ type: isCut ? 'response.incomplete' : 'response.completed', response });
}

interface Typed {
  readonly type: string;
  readonly [member: string]: unknown;
}

interface MessageItem {
  readonly type: 'message';
  readonly id: string;
  status: string;
  readonly role: 'assistant';
  content: { type: 'output_text'; text: string; annotations: []; logprobs: [] }[];
}

interface CallItem {
  readonly type: 'function_call';
  readonly id: string;
  status: string;
  readonly call_id: string;
  readonly name: string;
  arguments: string;
}

/** The items of an answer as they grow; each step gives the events that tell of it. */
class OutputItems {
  readonly output: (MessageItem | CallItem)[] = [];
  private readonly id: string;
  private readonly seed: number | bigint;
  private isOpen = false;

  constructor(id: string, seed: number | bigint) {
    this.id = id;
    this.seed = seed;
  }

  take(event: AnswerEvent): Typed[] {
    if (event.kind === 'name') return [...this.close('completed'), ...this.openCall(event.index, event.name)];
    const item = this.output.at(-1);
    if (event.kind === 'arguments') {
      (item as CallItem).arguments += event.text;
      return [{ type: 'response.function_call_arguments.delta', ...this.place(), delta: event.text }];
    }
    if (event.text === '') return [];
    const opened = item?.type === 'message' && this.isOpen ? [] : this.openMessage();
    (this.output.at(-1) as MessageItem).content[0].text += event.text;
    const delta = { ...this.place(), content_index: 0, delta: event.text, logprobs: [] };
    return [...opened, { type: 'response.output_text.delta', ...delta }];
  }

  end({ finishReason }: AnswerEnd): Typed[] {
    const opened = this.output.length === 0 ? this.openMessage() : [];
    return [...opened, ...this.close(finishReason === 'length' ? 'incomplete' : 'completed')];
  }

  /** Where the newest item stands. */
  private place(): { item_id: string; output_index: number } {
    const output_index = this.output.length - 1;
    return { item_id: this.output[output_index].id, output_index };
  }

  private openMessage(): Typed[] {
    const id = `msg_${this.id}${this.output.length}`;
    const item: MessageItem = { type: 'message', id, status: 'in_progress', role: 'assistant', content: [] };
    this.output.push(item);
    this.isOpen = true;
    const place = this.place();
    const added = { ...item, content: [] };
    item.content = [{ type: 'output_text', text: '', annotations: [], logprobs: [] }];
    return [
      { type: 'response.output_item.added', output_index: place.output_index, item: added },
      { type: 'response.content_part.added', ...place, content_index: 0, part: { ...item.content[0] } },
    ];
  }

  private openCall(index: number, name: string): Typed[] {
    const id = `fc_${this.id}${this.output.length}`;
    const call_id = callId(this.seed, 0, index);
    const item: CallItem = { type: 'function_call', id, status: 'in_progress', call_id, name, arguments: '' };
    this.output.push(item);
    this.isOpen = true;
    return [
      { type: 'response.output_item.added', output_index: this.place().output_index, item: { ...item } },
    ];
  }

  /** Ends the item that grows. */
  private close(status: 'completed' | 'incomplete'): Typed[] {
    const item = this.output.at(-1);
    if (!item || !this.isOpen) return [];
    this.isOpen = false;
    item.status = status;
    const place = this.place();
    const done = { type: 'response.output_item.done', output_index: place.output_index, item };
    if (item.type === 'function_call') {
      const { name, arguments: args } = item;
      return [{ type: 'response.function_call_arguments.done', ...place, name, arguments: args }, done];
    }
    const [part] = item.content;
    const at = { ...place, content_index: 0 };
    return [
      { type: 'response.output_text.done', ...at, text: part.text, logprobs: [] },
      { type: 'response.content_part.done', ...at, part },
      done,
    ];
  }
}
