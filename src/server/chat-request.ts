// POST /v1/chat/completions: what is asked.

import type { Question } from './answer.ts';
import { type DescribedTool, readMessages, readTools, withTools } from './conversation.ts';
import { wrongValue } from './errors.ts';
import type { Fields } from './fields.ts';
import { type Form, FREE } from './form.ts';
import { LIMITS } from './limits.ts';
import { idsOf, roomFor } from './question.ts';
import { readMaxTokens, readSampling } from './sampling.ts';
import type { Service } from './service.ts';

/** A question and how its answers are to be given. */
export interface ChatRequest {
  readonly question: Question;
  readonly numChoices: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

const REFUSED = ['audio', 'functions', 'function_call', 'prediction', 'suffix'];

/** @throws RequestError for anything that cannot be honoured */
export async function readChatRequest(service: Service, fields: Fields): Promise<ChatRequest> {
  service.checkModel(fields.text('model'));
  fields.refuse(REFUSED, 'this server does not have it');
  checkModalities(fields);
  const messages = readMessages(fields);
  const { tools, form } = readForm(service, fields, service.forms.read(fields));
  const sampling = readSampling(fields, samplingDefaults(service));
  const maxWanted = readMaxTokens(fields, ['max_tokens', 'max_completion_tokens'], 1);
  const logprobs = readLogprobs(fields);
  const numChoices = readNumChoices(fields);
  checkIgnoreEos(fields, form);
  const ids = await idsOf(service.smol, withTools(messages, tools));
  const maxTokens = roomFor(service, ids.length, maxWanted);
  const cachePrompt = fields.flag('cache_prompt');
  const question = {
    ids,
    maxTokens,
    sampling,
    form,
    cachePrompt,
    ...(logprobs !== undefined && { logprobs }),
  };
  return { question, numChoices, ...readStream(fields) };
}

/** Answers to each prompt: all that are drawn are given. */
export function readNumChoices(fields: Fields): number {
  const numChoices = fields.count('n', 1, LIMITS.choices) ?? 1;
  const bestOf = fields.count('best_of', 1) ?? numChoices;
  if (bestOf !== numChoices) throw fields.wrong('best_of', `the value of n, ${numChoices}`);
  return numChoices;
}

export function samplingDefaults({ options, smol }: Service) {
  return { ...options, vocabSize: smol.config.vocabSize };
}

export function readStream(fields: Fields): { stream: boolean; includeUsage: boolean } {
  const stream = fields.flag('stream') ?? false;
  const streamOptions = fields.child('stream_options');
  if (streamOptions && !stream) throw wrongValue('stream_options', 'expected none without stream: true');
  return { stream, includeUsage: streamOptions?.flag('include_usage') ?? false };
}

function checkModalities(fields: Fields): void {
  const modalities = fields.list('modalities', 8);
  if (modalities?.some((one) => one !== 'text')) throw fields.wrong('modalities', '["text"]', 'unsupported');
}

/** An answer in a form ends where the form does. */
function checkIgnoreEos(fields: Fields, form: Form): void {
  if (form !== FREE && fields.flag('ignore_eos')) {
    throw wrongValue('ignore_eos', 'expected none for an answer in a form, got true');
  }
}

function readLogprobs(fields: Fields): number | undefined {
  const isWanted = fields.flag('logprobs') ?? false;
  const top = fields.count('top_logprobs', 0, LIMITS.topLogprobs);
  if (top !== undefined && !isWanted) throw wrongValue('top_logprobs', 'expected logprobs: true beside it');
  return isWanted ? (top ?? 0) : undefined;
}

/**
 * The form of the answer, and the tools that the prompt shows. A small model that must call goes on calling until it is
 * stopped, so several calls are for those who ask for them, and for calls that it makes by itself.
 *
 * @param form  the form that was asked for beside tools
 */
export function readForm(
  service: Service,
  fields: Fields,
  form: Form,
): { tools: readonly DescribedTool[]; form: Form } {
  const tools = readTools(fields);
  const isParallel = fields.flag('parallel_tool_calls');
  const chosen = readToolChoice(fields, tools);
  if (chosen === 'none') return { tools: [], form };
  if (form !== FREE) {
    if (chosen === 'auto') return { tools, form: service.forms.either(form, tools, isParallel ?? false) };
    throw wrongValue('tool_choice', 'expected auto or none beside a form of the answer');
  }
  if (chosen === 'auto') return { tools, form: service.forms.ofTools(tools, false, isParallel ?? true) };
  const callable = chosen === 'required' ? tools : tools.filter(({ name }) => name === chosen.name);
  return { tools, form: service.forms.ofTools(callable, true, isParallel ?? false) };
}

/** What may be called: nothing, any tool, one for certain, or the one that is named. */
export function readToolChoice(
  fields: Fields,
  tools: readonly DescribedTool[],
): 'none' | 'auto' | 'required' | { name: string } {
  const raw = fields.raw('tool_choice');
  if (raw === 'none') return raw;
  if (raw === undefined || raw === 'auto') return tools.length > 0 ? 'auto' : 'none';
  if (tools.length === 0) throw fields.wrong('tool_choice', 'none, as there are no tools');
  if (raw === 'required') return raw;
  if (typeof raw !== 'object') throw fields.wrong('tool_choice', 'none, auto, required or a function');
  const choice = fields.child('tool_choice') as Fields;
  if (choice.text('type') !== 'function') throw choice.wrong('type', 'function', 'unsupported');
  const named = choice.child('function') ?? choice;
  const name = named.text('name');
  if (name === undefined || !tools.some((tool) => tool.name === name)) {
    throw named.wrong('name', `one of ${tools.map((tool) => tool.name).join(', ')}`);
  }
  return { name };
}
