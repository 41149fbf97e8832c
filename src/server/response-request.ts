// POST /v1/responses: what is asked. Nothing is kept between requests, so fields that lean on what was kept are
// refused.

import type { ChatMessage } from '../chat/message.ts';
import { CALL_BEGIN, CALL_END } from '../grammar/tools.ts';
import type { Question } from './answer.ts';
import { readForm, samplingDefaults } from './chat-request.ts';
import { callText, checkLength, readTurn, withTools } from './conversation.ts';
import { wrongValue } from './errors.ts';
import { Fields } from './fields.ts';
import { FREE } from './form.ts';
import { LIMITS } from './limits.ts';
import { idsOf, roomFor } from './question.ts';
import { readMaxTokens, readSampling } from './sampling.ts';
import type { Service } from './service.ts';

export interface ResponseRequest {
  readonly question: Question;
  readonly stream: boolean;
  /** Fields that the answer repeats. */
  readonly echoed: object;
}

export async function readResponseRequest(service: Service, fields: Fields): Promise<ResponseRequest> {
  service.checkModel(fields.text('model'));
  fields.refuse(
    ['previous_response_id', 'conversation', 'prompt'],
    'this server keeps nothing: send the whole input',
  );
  if (fields.flag('background'))
    throw fields.wrong('background', 'false: this server keeps nothing', 'unsupported');
  fields.oneOf('truncation', ['disabled']);
  fields.refuse(['response_format', 'json_schema', 'grammar'], 'say it in text.format');
  fields.count('n', 1, 1);
  fields.count('top_logprobs', 0, 0);
  fields.child('metadata');
  checkIncluded(fields);
  const format = fields.child('text')?.child('format');
  const { tools, form } = readForm(service, fields, format ? service.forms.ofFormat(format) : FREE);
  const sampling = readSampling(fields, samplingDefaults(service));
  const ids = await idsOf(service.smol, withTools(readInput(fields), tools));
  const maxTokens = roomFor(service, ids.length, readMaxTokens(fields, ['max_output_tokens'], 1));
  const { options } = sampling;
  const echoed = {
    instructions: fields.text('instructions') ?? null,
    max_output_tokens: fields.raw('max_output_tokens') ?? null,
    metadata: fields.raw('metadata') ?? {},
    parallel_tool_calls: fields.flag('parallel_tool_calls') ?? true,
    previous_response_id: null,
    store: false,
    temperature: options.temperature,
    text: fields.raw('text') ?? { format: { type: 'text' } },
    tool_choice: fields.raw('tool_choice') ?? 'auto',
    tools: fields.raw('tools') ?? [],
    top_p: options.topP ?? 1,
    truncation: 'disabled',
  };
  return { question: { ids, maxTokens, sampling, form }, stream: fields.flag('stream') ?? false, echoed };
}

/** What may be asked for beside the answer, where nothing of it is ever there. */
const INCLUDED = [
  'reasoning.encrypted_content',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
];

function checkIncluded(fields: Fields): void {
  const wrong = fields.list('include', 64)?.findIndex((one) => !INCLUDED.includes(one as string)) ?? -1;
  if (wrong >= 0) throw wrongValue(`include[${wrong}]`, `expected ${INCLUDED.join(' or ')}`, 'unsupported');
}

/** Instructions as a system message, then the input: one text, or messages, calls and what calls gave. */
function readInput(fields: Fields): ChatMessage[] {
  const instructions = fields.text('instructions', LIMITS.contentLength);
  const head = instructions === undefined ? [] : [{ role: 'system', content: instructions }];
  const input = fields.raw('input');
  if (typeof input === 'string') return checked([...head, { role: 'user', content: input }]);
  const items = Array.isArray(input) ? fields.list('input', LIMITS.messages) : undefined;
  if (!items || items.length === 0) throw fields.wrong('input', 'a text or a list of items');
  return checked([...head, ...items.map((item, i) => readItem(new Fields(item, `input[${i}]`)))]);
}

function checked(messages: ChatMessage[]): ChatMessage[] {
  checkLength(messages, 'input');
  return messages;
}

function readItem(item: Fields): ChatMessage {
  const type = item.text('type') ?? 'message';
  if (type === 'message') return readTurn(item);
  if (type === 'function_call') {
    const [name, args] = ['name', 'arguments'].map((one) => {
      const text = item.text(one);
      if (text === undefined) throw item.wrong(one, 'a text');
      return text;
    });
    return { role: 'assistant', content: `${CALL_BEGIN}[${callText(name, args)}]${CALL_END}` };
  }
  if (type === 'function_call_output') {
    const output = item.text('output');
    if (output === undefined) throw item.wrong('output', 'a text');
    return { role: 'tool', content: output };
  }
  throw wrongValue(item.at('type'), 'expected message, function_call or function_call_output', 'unsupported');
}
