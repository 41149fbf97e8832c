// The API of Ollama over the same answers, for tools that speak nothing else: lines of JSON instead of events, times in
// nanoseconds, other names for the same options.

import { numParameters, weightsBytes } from '../config.ts';
import { type AnswerEnd, type AnswerEvent, answer, type Question } from './answer.ts';
import { samplingDefaults } from './chat-request.ts';
import { readMessages, readTools, withTools } from './conversation.ts';
import { embedAll } from './embeddings.ts';
import { wrongValue } from './errors.ts';
import { eventStream, json, NDJSON, type StreamEvent } from './event-stream.ts';
import { type Exchange, readBody } from './exchange.ts';
import { Fields } from './fields.ts';
import { type Form, FREE } from './form.ts';
import { LIMITS } from './limits.ts';
import { readPrompts } from './prompts.ts';
import { idsOf, roomFor } from './question.ts';
import { readSampling } from './sampling.ts';
import type { Service } from './service.ts';

type Shape = (event: { text: string } | { calls: readonly OllamaCall[] } | undefined) => object;

interface OllamaCall {
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** GET /api/version */
export function version(): Response {
  return Response.json({ version: '0.6.4' });
}

/** GET /api/tags, and /api/ps, which shows the same model as loaded. */
export function tags(service: Service): Response {
  const { model } = service.options;
  const size = Math.round(weightsBytes(service.smol.config, 4.5));
  const entry = {
    name: model,
    model,
    modified_at: new Date(service.created * 1000).toISOString(),
    size,
    digest: service.fingerprint,
    details: details(service),
    expires_at: new Date(8.64e15).toISOString(),
    size_vram: 0,
  };
  return Response.json({ models: [entry] });
}

function details({ smol }: Service): object {
  const millions = Math.round(numParameters(smol.config) / 1e6);
  return {
    parent_model: '',
    format: 'gguf',
    family: 'llama',
    families: ['llama'],
    parameter_size: `${millions}M`,
    quantization_level: 'unknown',
  };
}

/** POST /api/show */
export async function show(service: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  checkModel(service, fields);
  const { config, template, model } = service.smol;
  return Response.json({
    modelfile: '',
    parameters: `temperature ${service.options.temperature}`,
    template: template?.source ?? '',
    details: details(service),
    model_info: {
      'general.architecture': 'llama',
      'general.parameter_count': numParameters(config),
      'llama.context_length': model.maxSeqLen,
      'llama.embedding_length': config.hiddenSize,
      'llama.block_count': config.numLayers,
      'llama.attention.head_count': config.numHeads,
      'llama.attention.head_count_kv': config.numKvHeads,
      'llama.vocab_size': config.vocabSize,
    },
    capabilities: template ? ['completion', 'tools', 'embedding'] : ['completion', 'embedding'],
  });
}

/** POST /api/chat */
export async function chat(service: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  checkModel(service, fields);
  const tools = readTools(fields);
  const format = readFormat(service, fields);
  const form =
    tools.length === 0
      ? format
      : format === FREE
        ? service.forms.ofTools(tools, false, true)
        : service.forms.either(format, tools, false);
  const messages = readMessages(fields);
  const turns = fields.list('messages', LIMITS.messages) ?? [];
  for (const [i, turn] of turns.entries()) refuseImages(new Fields(turn, `messages[${i}]`));
  const ids = await idsOf(service.smol, withTools(messages, tools));
  const message = (content: string, calls?: readonly OllamaCall[]) => ({
    message: { role: 'assistant', content, ...(calls && { tool_calls: calls }) },
  });
  return respond(service, exchange, fields, { ids, form }, (event) =>
    event === undefined ? message('') : 'text' in event ? message(event.text) : message('', event.calls),
  );
}

/** POST /api/generate */
export async function generate(service: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  checkModel(service, fields);
  fields.refuse(['suffix'], 'SmolLM2 was not taught to fill in');
  refuseImages(fields);
  const prompt = fields.text('prompt', LIMITS.contentLength) ?? '';
  const system = fields.text('system', LIMITS.contentLength);
  const form = readFormat(service, fields);
  const head = system ? [{ role: 'system', content: system }] : [];
  const isRaw = fields.flag('raw') === true || !service.smol.template;
  const ids = isRaw
    ? service.smol.tokenizer.encode(prompt)
    : await idsOf(service.smol, [...head, { role: 'user', content: prompt }]);
  if (ids.length === 0) throw fields.wrong('prompt', 'a text');
  return respond(service, exchange, fields, { ids, form }, (event) => ({
    response: event && 'text' in event ? event.text : '',
  }));
}

function refuseImages(fields: Fields): void {
  if ((fields.list('images', LIMITS.messages) ?? []).length > 0) throw fields.wrong('images', 'none');
}

/** POST /api/embed */
export async function embed(service: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  checkModel(service, fields);
  const startedAt = performance.now();
  const inputs = readPrompts(service.smol, fields, 'input', LIMITS.embeddingInputs);
  for (const ids of inputs) roomFor(service, ids.length, 0);
  const vectors = await embedAll(service, exchange, inputs);
  return Response.json({
    model: service.options.model,
    embeddings: vectors.map((vector) => [...vector]),
    total_duration: nanoseconds(performance.now() - startedAt),
    load_duration: 0,
    prompt_eval_count: inputs.reduce((sum, ids) => sum + ids.length, 0),
  });
}

function checkModel(service: Service, fields: Fields): void {
  service.checkModel((fields.text('model') ?? fields.text('name'))?.replace(/:latest$/, ''));
}

/** `json`, or a schema. */
function readFormat({ forms }: Service, fields: Fields): Form {
  const format = fields.raw('format');
  if (format === undefined || format === '') return FREE;
  if (format === 'json') return forms.ofSchema({ type: 'object' }, 'format');
  if (typeof format !== 'object') throw fields.wrong('format', 'json or a JSON schema');
  return forms.ofSchema(format, 'format');
}

/** Our names of Ollama's options; those that say how it computes have no meaning here. */
function readOptions(service: Service, fields: Fields): Pick<Question, 'sampling'> & { wanted?: number } {
  const options = fields.child('options') ?? new Fields({}, 'options');
  const sampling = readSampling(options, samplingDefaults(service));
  const wanted = options.count('num_predict', -2);
  if (wanted === 0) throw wrongValue('options.num_predict', 'expected at least 1, or -1 for no limit, got 0');
  return { sampling, ...(wanted !== undefined && wanted > 0 && { wanted }) };
}

async function respond(
  service: Service,
  exchange: Exchange,
  fields: Fields,
  { ids, form }: Pick<Question, 'ids' | 'form'>,
  shape: Shape,
): Promise<Response> {
  const { sampling, wanted } = readOptions(service, fields);
  const question = { ids, form, sampling, maxTokens: roomFor(service, ids.length, wanted) };
  const isStream = fields.flag('stream') ?? true;
  const [ticket] = service.admission.tickets(1, exchange.client, exchange.signal);
  const events = answer(service, question, 0, ticket, exchange.signal);
  const head = () => ({ model: service.options.model, created_at: new Date().toISOString() });
  if (isStream) return exchange.stream(eventStream(lines(events, head, shape), exchange.abort, NDJSON));
  let text = '';
  const calls = new CallCollector();
  let step = await events.next();
  for (; !step.done; step = await events.next()) {
    if (step.value.kind === 'text') text += step.value.text;
    else calls.take(step.value);
  }
  const whole = shape({ text }) as { message?: object };
  if (whole.message && calls.list.length > 0) whole.message = { ...whole.message, tool_calls: calls.list };
  return Response.json({ ...head(), ...whole, ...ending(step.value) });
}

async function* lines(
  events: AsyncGenerator<AnswerEvent, AnswerEnd>,
  head: () => object,
  shape: Shape,
): AsyncGenerator<StreamEvent> {
  const calls = new CallCollector();
  let step = await events.next();
  try {
    for (; !step.done; step = await events.next()) {
      if (step.value.kind !== 'text') calls.take(step.value);
      else yield json({ ...head(), ...shape(step.value), done: false });
    }
  } finally {
    if (!step.done) await events.return(undefined as never);
  }
  if (calls.list.length > 0) yield json({ ...head(), ...shape({ calls: calls.list }), done: false });
  yield json({ ...head(), ...shape(undefined), ...ending(step.value) });
}

/** Calls as whole objects: Ollama's clients do not join pieces. */
class CallCollector {
  private readonly calls: { name: string; text: string }[] = [];

  take(event: Exclude<AnswerEvent, { kind: 'text' }>): void {
    if (event.kind === 'name') this.calls.push({ name: event.name, text: '' });
    else this.calls[event.index].text += event.text;
  }

  /** Those that were written to their end. */
  get list(): OllamaCall[] {
    return this.calls.flatMap(({ name, text }) => {
      try {
        return [{ function: { name, arguments: JSON.parse(text) as unknown } }];
      } catch {
        return []; // cut by the length
      }
    });
  }
}

function ending({ result, finishReason }: AnswerEnd): object {
  const { promptMs, generateMs } = result.timings;
  return {
    done: true,
    done_reason: finishReason === 'length' ? 'length' : 'stop',
    total_duration: nanoseconds(promptMs + generateMs),
    load_duration: 0,
    prompt_eval_count: result.usage.promptTokens,
    prompt_eval_duration: nanoseconds(promptMs),
    eval_count: result.usage.completionTokens,
    eval_duration: nanoseconds(generateMs),
  };
}

const nanoseconds = (ms: number) => Math.round(ms * 1e6);
