// A call of the AI SDK as a request to /v1/chat/completions.

import { UnsupportedError } from '../base/errors.ts';
import type { CallOptions, PromptMessage, PromptPart, Warning } from './interface.ts';

/** Fields of the request, and what of the call has no place in it. */
export interface ChatCall {
  readonly body: { [name: string]: unknown };
  readonly warnings: Warning[];
}

/** @throws UnsupportedError for a prompt with images or files in it */
export function chatCallOf(model: string, options: CallOptions): ChatCall {
  const { responseFormat, tools = [], toolChoice } = options;
  const warnings: Warning[] = [];
  const functions = tools.flatMap(({ type, name, description, inputSchema: parameters }) => {
    if (type === 'function') return [{ type, function: { name, description, parameters } }];
    warnings.push({
      type: 'other',
      message: `tools: expected functions, got ${name} of a provider; left out`,
    });
    return [];
  });
  const body = {
    model,
    messages: options.prompt.flatMap(messagesOf),
    max_tokens: options.maxOutputTokens,
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    presence_penalty: options.presencePenalty,
    frequency_penalty: options.frequencyPenalty,
    stop: options.stopSequences?.length ? options.stopSequences : undefined,
    seed: options.seed,
    response_format: responseFormat?.type === 'json' ? formatOf(responseFormat) : undefined,
    ...(functions.length > 0 && { tools: functions, tool_choice: choiceOf(toolChoice) }),
    ...options.providerOptions?.smollm2,
  };
  return { body, warnings };
}

function formatOf({ schema, name = 'answer' }: NonNullable<CallOptions['responseFormat']>): object {
  if (schema === undefined) return { type: 'json_object' };
  return { type: 'json_schema', json_schema: { name, schema } };
}

function choiceOf(choice: CallOptions['toolChoice']): unknown {
  if (choice?.type !== 'tool') return choice?.type;
  return { type: 'function', function: { name: choice.toolName } };
}

function messagesOf({ role, content }: PromptMessage): object[] {
  if (typeof content === 'string') return [{ role, content }];
  if (role === 'tool') {
    return content
      .filter(({ type }) => type === 'tool-result')
      .map((part) => ({ role, tool_call_id: part.toolCallId, content: resultOf(part) }));
  }
  const text = content.map((part) => textOf(role, part)).join('');
  const calls = content
    .filter(({ type }) => type === 'tool-call')
    .map(({ toolCallId, toolName, input }) => ({
      id: toolCallId,
      type: 'function',
      function: {
        name: toolName,
        arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
      },
    }));
  if (calls.length === 0) return [{ role, content: text }];
  return [{ role, content: text === '' ? null : text, tool_calls: calls }];
}

/** What a part adds to the text of its message. */
function textOf(role: string, { type, text = '' }: PromptPart): string {
  if (type === 'text') return text;
  // Calls stand beside the text; thoughts of another model are not this one's.
  if (role === 'assistant' && ['tool-call', 'tool-result', 'reasoning'].includes(type)) return '';
  throw new UnsupportedError(`prompt: expected text, got a part of type ${type}; this model reads text only`);
}

function resultOf({ output }: PromptPart): string {
  const { type = 'text', value, reason } = output ?? {};
  if (type === 'execution-denied') return reason ?? 'denied';
  if (type === 'content' && Array.isArray(value)) return value.map((part) => textOf('tool', part)).join('');
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
