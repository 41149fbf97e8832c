// The chat format of SmolLM2-Instruct as a plain function: ChatML with a system message of its own.
// It is what the model file's template does (test/chat compares them on 80 conversations), without
// a template engine.

import { type ChatMessage, contentText } from './message.ts';

/** The system message that SmolLM2-Instruct was trained with; it stands where a conversation brings none. */
export const SMOLLM2_SYSTEM = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face';

/** The template in the files of every SmolLM2-Instruct, character for character. */
export const SMOLLM2_TEMPLATE =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}" +
  `{{ '<|im_start|>system\n${SMOLLM2_SYSTEM}<|im_end|>\n' }}{% endif %}` +
  "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/**
 * A conversation as the text that SmolLM2-Instruct reads. Nothing is trimmed or escaped; `ChatTemplate.encode`
 * keeps an `<|im_end|>` inside a message from ending it.
 *
 *     <|im_start|>ROLE\nCONTENT<|im_end|>\n      for each message
 *     <|im_start|>assistant\n                    when the model is to answer
 */
export function chatml(
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt?: boolean } = {},
): string {
  let text = '';
  if (messages.length > 0 && messages[0].role !== 'system') {
    text += `<|im_start|>system\n${SMOLLM2_SYSTEM}<|im_end|>\n`;
  }
  for (const message of messages) text += `<|im_start|>${message.role}\n${contentText(message)}<|im_end|>\n`;
  return options.addGenerationPrompt ? `${text}<|im_start|>assistant\n` : text;
}
