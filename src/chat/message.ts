// One message of a conversation, and the check for messages that come from outside.

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or any other that the model's template knows. */
  readonly role: string;
  readonly content: string;
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
    if (kindOf(message) !== 'object') {
      throw new TypeError(`messages[${i}]: expected an object, got ${kindOf(message)}`);
    }
    for (const member of ['role', 'content'] as const) {
      if (typeof message[member] !== 'string') {
        throw new TypeError(`messages[${i}].${member}: expected a text, got ${kindOf(message[member])}`);
      }
    }
  }
  return value;
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
