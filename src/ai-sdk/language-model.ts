// The model as the AI SDK's LanguageModel, in this process: calls become requests to the server's `fetch`, so that many
// calls share passes, and schemas and tools are kept to by grammar.

import { UnavailableError } from '../base/errors.ts';
import type { ServerApp } from '../server/app.ts';
import type {
  CalledTool,
  CallOptions,
  Content,
  Endings,
  LanguageModel,
  StreamPart,
  Version,
} from './interface.ts';
import { chatCallOf } from './request.ts';

export type { CallOptions, LanguageModel, StreamPart } from './interface.ts';

export interface LanguageModelOptions<V extends Version> {
  /** Of the AI SDK's interface: 3 for `ai` 6 (default), 2 for `ai` 5. */
  readonly version?: V;
  /** The model's id, as the server knows it; `smollm2` by default. */
  readonly model?: string;
}

/** What the server counts. */
interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly function: { readonly name?: string; readonly arguments: string };
}

interface Reply {
  readonly content?: string | null;
  readonly tool_calls?: readonly ToolCallDelta[];
}

/** An answer, or a chunk of one. */
interface ChatAnswer {
  readonly id: string;
  readonly model: string;
  readonly created: number;
  readonly choices: readonly { message: Reply; delta: Reply; finish_reason: string | null }[];
  readonly usage?: Usage | null;
  readonly error?: { readonly message: string };
}

/**
 * The model of a server as `generateText`, `streamText`, `generateObject` and agents of the AI SDK take it.
 *
 * @param server  `app(load('135m'))`; it need not be ready yet
 *
 * @example
 * const { text } = await generateText({ model: languageModel(app(load('135m'))), prompt: 'What is gravity?' });
 */
export function languageModel<V extends Version = 3>(
  server: Pick<ServerApp, 'fetch' | 'ready'>,
  options: LanguageModelOptions<V> = {},
): LanguageModel<V> {
  const { version = 3 as V, model = 'smollm2' } = options;
  const ask = async (call: CallOptions, stream: boolean) => {
    const { body, warnings } = chatCallOf(model, call);
    await server.ready();
    const whole = { ...body, stream, ...(stream && { stream_options: { include_usage: true } }) };
    const response = await posted(server, whole, call.abortSignal);
    return { response, warnings, request: { body } };
  };
  return {
    specificationVersion: `v${version}`,
    provider: 'smollm2',
    modelId: model,
    supportedUrls: {},
    async doGenerate(call) {
      const { response, warnings, request } = await ask(call, false);
      const answer = (await response.json()) as ChatAnswer;
      const { message, finish_reason: reason } = answer.choices[0];
      const ending = endingOf(version, reason, answer.usage);
      return { content: contentOf(message), warnings, request, response: metadataOf(answer), ...ending };
    },
    async doStream(call) {
      const { response, warnings, request } = await ask(call, true);
      const parts = partsOf(version, response.body as ReadableStream<Uint8Array>);
      const start: StreamPart<V> = { type: 'stream-start', warnings };
      return { stream: streamOf(start, parts), request };
    },
  };
}

/** @throws RangeError for what the server refuses, UnavailableError when it has no place, the signal's reason */
async function posted(
  server: Pick<ServerApp, 'fetch'>,
  body: object,
  signal: AbortSignal | undefined,
): Promise<Response> {
  signal?.throwIfAborted();
  const response = await server.fetch(
    new Request('http://localhost/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify(body),
      ...(signal && { signal }),
    }),
  );
  signal?.throwIfAborted();
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: { message: string } };
  throw response.status < 500 && response.status !== 429
    ? new RangeError(error.message)
    : new UnavailableError(error.message);
}

function contentOf({ content, tool_calls: calls = [] }: Reply): Content[] {
  const texts: Content[] = content ? [{ type: 'text', text: content }] : [];
  return [...texts, ...calls.map((call) => calledTool(call))];
}

function calledTool({ id = '', function: { name = '', arguments: input } }: ToolCallDelta): CalledTool {
  return { type: 'tool-call', toolCallId: id, toolName: name, input };
}

function metadataOf({ id, model, created }: ChatAnswer) {
  return { id, modelId: model, timestamp: new Date(created * 1000) };
}

function endingOf<V extends Version>(version: V, raw: string | null, usage?: Usage | null): Endings[V] {
  const unified = raw === 'tool_calls' ? 'tool-calls' : raw === 'stop' || raw === 'length' ? raw : 'other';
  const input = usage?.prompt_tokens;
  const cached = usage?.prompt_tokens_details.cached_tokens;
  const output = usage?.completion_tokens;
  const endings: Endings = {
    2: {
      finishReason: unified,
      usage: {
        inputTokens: input,
        outputTokens: output,
        totalTokens: usage?.total_tokens,
        ...(cached !== undefined && { cachedInputTokens: cached }),
      },
    },
    3: {
      finishReason: { unified, raw: raw ?? undefined },
      usage: {
        inputTokens: {
          total: input,
          noCache: input === undefined ? undefined : input - (cached ?? 0),
          cacheRead: cached,
          cacheWrite: undefined,
        },
        outputTokens: { total: output, text: output, reasoning: undefined },
      },
    },
  };
  return endings[version];
}

/** The stream's chunks as parts: a text as it comes, calls as they are written and then whole. */
async function* partsOf<V extends Version>(
  version: V,
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamPart<V>> {
  const calls: (ToolCallDelta & { text: string })[] = [];
  let hasBegun = false;
  let hasText = false;
  let reason: string | null = null;
  let usage: Usage | null | undefined;
  for await (const chunk of chunksOf(body)) {
    if (chunk.error) {
      yield { type: 'error', error: new UnavailableError(chunk.error.message) };
      return;
    }
    if (!hasBegun) yield { type: 'response-metadata', ...metadataOf(chunk) };
    hasBegun = true;
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (!choice) continue;
    reason = choice.finish_reason ?? reason;
    const { content, tool_calls: deltas = [] } = choice.delta;
    if (content) {
      if (!hasText) yield { type: 'text-start', id: '0' };
      hasText = true;
      yield { type: 'text-delta', id: '0', delta: content };
    }
    for (const delta of deltas) {
      if (delta.id !== undefined) {
        calls[delta.index] = { ...delta, text: '' };
        yield { type: 'tool-input-start', id: delta.id, toolName: delta.function.name ?? '' };
      }
      const call = calls[delta.index];
      call.text += delta.function.arguments;
      if (delta.function.arguments !== '') {
        yield { type: 'tool-input-delta', id: call.id ?? '', delta: delta.function.arguments };
      }
    }
  }
  if (hasText) yield { type: 'text-end', id: '0' };
  for (const { id, text, ...call } of calls) {
    yield { type: 'tool-input-end', id: id ?? '' };
    yield calledTool({ ...call, id, function: { ...call.function, arguments: text } });
  }
  yield { type: 'finish', ...endingOf(version, reason, usage) };
}

/** The JSON of a stream's events. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatAnswer> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      const events = (rest + decoder.decode(step.value, { stream: true })).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        if (event.startsWith('data: {')) yield JSON.parse(event.slice('data: '.length)) as ChatAnswer;
      }
    }
  } finally {
    await reader.cancel();
  }
}

function streamOf<T>(first: T, rest: AsyncGenerator<T>): ReadableStream<T> {
  return new ReadableStream<T>({
    start: (controller) => controller.enqueue(first),
    async pull(controller) {
      const { done, value } = await rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await rest.return(undefined);
    },
  });
}
