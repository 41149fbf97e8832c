// One message of a conversation, and the check for messages that come from outside.

import { kindOf } from '../base/options.ts';

/** A piece of a content; models of this family read texts only. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or any other that the model's template knows. */
  readonly role: string;
  /** A text, or pieces of it; none where the message is a call of tools. */
  readonly content?: string | readonly TextPart[] | null;
  readonly tool_calls?: readonly unknown[];
}

/** A message whose content is one text. */
export interface TextMessage extends ChatMessage {
  readonly content: string;
}

/**
 * A conversation out of what a caller gives: a text is one question.
 *
 * @throws TypeError that names the first message at fault
 */
export function conversationOf(messages: string | readonly ChatMessage[]): readonly ChatMessage[] {
  return typeof messages === 'string' ? [{ role: 'user', content: messages }] : checkMessages(messages);
}

/**
 * Checks that a foreign value is a list of messages. Members other than role and content are left as they
 * are: some templates read them.
 *
 * @throws TypeError  that names the first message at fault
 */
export function checkMessages(value: unknown): readonly ChatMessage[] {
  if (!Array.isArray(value)) throw new TypeError(`messages: expected an array, got ${kindOf(value)}`);
  for (const [i, message] of value.entries()) {
    if (kindOf(message) !== 'an object') {
      throw new TypeError(`messages[${i}]: expected an object, got ${kindOf(message)}`);
    }
    if (typeof message.role !== 'string') {
      throw new TypeError(`messages[${i}].role: expected a text, got ${kindOf(message.role)}`);
    }
    checkContent(message, `messages[${i}].content`);
  }
  return value;
}

function checkContent(message: { content?: unknown; tool_calls?: unknown }, what: string): void {
  const { content } = message;
  if (typeof content === 'string') return;
  const isCall = Array.isArray(message.tool_calls) && message.tool_calls.length > 0;
  if ((content === null || content === undefined) && isCall) return;
  if (!Array.isArray(content)) throw new TypeError(`${what}: expected a text, got ${kindOf(content)}`);
  for (const [i, part] of content.entries()) {
    if (part?.type !== 'text' || typeof part.text !== 'string') {
      const got =
        typeof part?.type === 'string' ? `type ${JSON.stringify(part.type.slice(0, 40))}` : kindOf(part);
      throw new TypeError(`${what}[${i}]: expected { type: 'text', text }, got ${got}`);
    }
  }
}

/**
 * The content of a message as one text.
 *
 * @throws TypeError  when it has none: a call of tools, which only some templates can write
 */
export function contentText(message: ChatMessage): string {
  const { content } = message;
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part: TextPart) => part.text).join('');
  throw new TypeError(
    `content of a message (role ${message.role.slice(0, 40)}): expected a text, got ${kindOf(content)}`,
  );
}
