// Messages and tools of a request as the model reads them: contents as one text each, tools in the prompt that
// SmolLM2's card publishes, calls of tools as the model writes them.

import type { ChatMessage } from '../chat/message.ts';
import type { Json } from '../grammar/json.ts';
import { CALL_BEGIN, CALL_END, type Tool } from '../grammar/tools.ts';
import { wrongValue } from './errors.ts';
import { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';

/** A tool as OpenAI's clients describe it. */
export interface DescribedTool extends Tool {
  readonly description?: string;
  /** Where the schema of its arguments stands in the request. */
  readonly at: string;
}

/**
 * The messages of a chat. `developer` is `system`; other roles go to the template as they are.
 *
 * @throws RequestError that names the part at fault
 */
export function readMessages(fields: Fields, name = 'messages'): ChatMessage[] {
  const list = fields.list(name, LIMITS.messages);
  if (list === undefined || list.length === 0) throw fields.wrong(name, 'a list of at least one message');
  const messages = list.map((one, i) => readTurn(new Fields(one, `${fields.at(name)}[${i}]`)));
  checkLength(messages, fields.at(name));
  return messages;
}

export function checkLength(messages: readonly ChatMessage[], name: string): void {
  const length = messages.reduce((sum, { content }) => sum + (content as string).length, 0);
  if (length <= LIMITS.contentLength) return;
  throw wrongValue(name, `expected at most ${LIMITS.contentLength} characters in all, got ${length}`);
}

/** One message. */
export function readTurn(message: Fields): ChatMessage {
  const role = message.text('role');
  if (role === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(role)) {
    throw message.wrong('role', 'system, user, assistant, tool or a word like these');
  }
  const calls = message.list('tool_calls', LIMITS.tools) ?? [];
  const content = readContent(message, role === 'assistant');
  const written = calls.map((call, i) => writtenCall(new Fields(call, message.at(`tool_calls[${i}]`))));
  const block = written.length > 0 ? `${CALL_BEGIN}[${written.join(', ')}]${CALL_END}` : '';
  return { role: role === 'developer' ? 'system' : role, content: content + block };
}

/** A content as one text; the texts of parts follow one another without anything between. */
function readContent(message: Fields, mayBeNone: boolean): string {
  const raw = message.raw('content');
  if (typeof raw === 'string') return raw;
  if (raw === undefined && mayBeNone) return '';
  const parts = Array.isArray(raw) ? message.list('content', LIMITS.messages) : undefined;
  if (!parts) throw message.wrong('content', 'a text or a list of text parts', 'invalid_type');
  return parts.map((one, i) => readPart(new Fields(one, message.at(`content[${i}]`)))).join('');
}

/** Text parts of chat and of responses. */
function readPart(part: Fields): string {
  if (!['text', 'input_text', 'output_text'].includes(part.text('type') ?? '')) {
    throw part.wrong('type', 'text: this model reads texts only', 'unsupported');
  }
  const text = part.text('text');
  if (text === undefined) throw part.wrong('text', 'a text');
  return text;
}

/** A call of the history as the model wrote it; arguments that are no JSON stay as they are. */
function writtenCall(call: Fields): string {
  const called = call.child('function');
  const name = called?.text('name');
  if (!called || name === undefined) throw call.wrong('function', 'an object with name and arguments');
  const raw = called.raw('arguments');
  if (raw !== undefined && typeof raw !== 'string' && typeof raw !== 'object') {
    throw called.wrong('arguments', 'JSON as a text');
  }
  return callText(name, typeof raw === 'string' ? raw : pythonJson((raw ?? {}) as Json));
}

export function callText(name: string, args: string): string {
  return `{"name": ${JSON.stringify(name)}, "arguments": ${args}}`;
}

/**
 * Tools of `tools`, in OpenAI's form, or flat as in responses.
 *
 * @throws RequestError that names the part at fault
 */
export function readTools(fields: Fields): DescribedTool[] {
  const list = fields.list('tools', LIMITS.tools) ?? [];
  const tools = list.map((one, i) => readTool(new Fields(one, fields.at(`tools[${i}]`))));
  const names = tools.map(({ name }) => name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) {
    throw wrongValue(fields.at(`tools[${twice}]`), `expected a name of its own, got ${names[twice]} again`);
  }
  return tools;
}

function readTool(tool: Fields): DescribedTool {
  if (tool.text('type') !== 'function') throw tool.wrong('type', 'function', 'unsupported');
  const described = tool.child('function') ?? tool;
  const name = described.text('name');
  if (name === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw described.wrong('name', '1 to 64 letters, digits, _ or -');
  }
  const parameters = described.raw('parameters');
  if (parameters !== undefined && (typeof parameters !== 'object' || Array.isArray(parameters))) {
    throw described.wrong('parameters', 'a JSON schema of an object', 'invalid_type');
  }
  const description = described.text('description');
  return {
    name,
    at: described.at('parameters'),
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters: parameters as Json }),
  };
}

/** The system prompt with which SmolLM2-1.7B-Instruct was taught to call (its model card). */
export function toolPrompt(tools: readonly DescribedTool[]): string {
  const described = tools.map(({ name, description = '', parameters }) => ({
    type: 'function',
    function: { name, description, parameters: parameters ?? { type: 'object', properties: {} } },
  }));
  return [
    'You are an expert in composing functions. You are given a question and a set of possible functions. ',
    'Based on the question, you will need to make one or more function/tool calls to achieve the purpose. ',
    'If none of the functions can be used, point it out and refuse to answer. ',
    'If the given question lacks the parameters required by the function, also point it out.',
    '',
    'You have access to the following tools:',
    `<tools>${pythonJson(described as unknown as Json)}</tools>`,
    '',
    'The output MUST strictly adhere to the following format, and NO other text MUST be included.',
    'The example format is as follows. Please make sure the parameter type is correct. If no function call is ' +
      "needed, please make the tool calls an empty list '[]'.",
    '<tool_call>[',
    '{"name": "func_name1", "arguments": {"argument1": "value1", "argument2": "value2"}},',
    '... (more tool calls as required)',
    ']</tool_call>',
  ].join('\n');
}

/** The conversation with the tools' prompt in its system message, behind what the caller wrote there. */
export function withTools(messages: readonly ChatMessage[], tools: readonly DescribedTool[]): ChatMessage[] {
  if (tools.length === 0) return [...messages];
  const prompt = toolPrompt(tools);
  if (messages[0].role !== 'system') return [{ role: 'system', content: prompt }, ...messages];
  return [{ ...messages[0], content: `${messages[0].content}\n\n${prompt}` }, ...messages.slice(1)];
}

/** JSON with a space after `:` and `,`, and only ASCII, as Python's `json.dumps` writes it. */
function pythonJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, member]) => `${ascii(name)}: ${pythonJson(member)}`);
    return `{${members.join(', ')}}`;
  }
  return typeof value === 'string' ? ascii(value) : JSON.stringify(value);
}

function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
