// From the ids of a prompt to a question that can be answered: what does not fit the context is refused here, before a
// stream begins.

import type { ChatMessage } from '../chat/message.ts';
import type { SmolLM2 } from '../smollm2.ts';
import { RequestError } from './errors.ts';
import type { Service } from './service.ts';

/**
 * How many tokens an answer may have; `wanted` is 0 where there is none.
 *
 * @throws RequestError 400 with the numbers when it does not fit
 */
export function roomFor(service: Service, numIds: number, wanted: number | undefined): number {
  const { maxSeqLen } = service.smol.model;
  // The last token of an answer needs no position.
  const room = maxSeqLen + 1 - numIds;
  if (room >= Math.max(1, wanted ?? 1)) return wanted ?? Math.min(room, service.options.maxTokens ?? room);
  const answer = wanted ? ` and ${wanted} tokens of answer` : '';
  throw new RequestError(
    `context: expected at most ${maxSeqLen} tokens, got ${numIds} of prompt${answer}; shorten one of them`,
    {
      status: 400,
      type: 'exceed_context_size_error',
      code: 'context_length_exceeded',
      more: { n_prompt_tokens: numIds, n_ctx: maxSeqLen },
    },
  );
}

/** The ids of a conversation, contents as plain text: a message cannot end itself. */
export async function idsOf(
  smol: SmolLM2,
  messages: readonly ChatMessage[],
  addGenerationPrompt = true,
): Promise<number[]> {
  return templateOf(smol).encode(smol.tokenizer, messages, { addGenerationPrompt });
}

/** @throws RequestError for a base model */
export function templateOf(smol: SmolLM2): NonNullable<SmolLM2['template']> {
  if (smol.template) return smol.template;
  throw new RequestError(
    'messages: expected a model with a chat template, got one without; use /v1/completions, or serve an Instruct model',
    { status: 400, type: 'invalid_request_error', code: 'unsupported', param: 'messages' },
  );
}
