// Conversations as rows of ids with labels: the chat template writes the text, and what the assistant says (with the
// <|im_end|> behind it) is what counts. The text is encoded once, as it will be when the model is used; where a message
// begins and ends is found by its bytes.

import { UnsupportedError } from '../base/errors.ts';
import type { ChatMessage } from '../chat/message.ts';
import type { ChatTemplate } from '../chat/template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { IGNORED } from './window-source.ts';

/** One conversation, or an answer behind its prompt. Labels stand at the id that they ask for, as HF's do. */
export interface LabelledRow {
  readonly ids: readonly number[];
  readonly labels: readonly number[];
}

const encoder = new TextEncoder();

export class ChatRows {
  private readonly tokenizer: Tokenizer;
  private readonly template: ChatTemplate;

  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    this.tokenizer = tokenizer;
    this.template = template;
  }

  /** @param assistantOnly what others say does not count */
  async conversation(messages: readonly ChatMessage[], assistantOnly: boolean): Promise<LabelledRow> {
    const text = await this.template.render(messages, { addGenerationPrompt: false });
    const ids = this.tokenizer.encode(text, { addBos: false });
    if (!assistantOnly) return { ids, labels: ids };
    const spans: [number, number][] = [];
    for (const [i, { role }] of messages.entries()) {
      if (role === 'assistant') spans.push(await this.spanOf(messages, i, text));
    }
    let at = 0;
    const labels = ids.map((id) => {
      const begin = at;
      at += this.tokenizer.tokenBytes(id).length;
      return spans.some(([first, last]) => begin >= first && begin < last) ? id : IGNORED;
    });
    return { ids, labels };
  }

  /** The ids of a prompt up to the answer, and those of the answer with what ends it. */
  async answer(
    messages: readonly ChatMessage[],
    answer: string,
  ): Promise<{ prompt: readonly number[]; answer: readonly number[] }> {
    const prompt = await this.template.render(messages, { addGenerationPrompt: true });
    const whole = await this.template.render([...messages, { role: 'assistant', content: answer }], {
      addGenerationPrompt: false,
    });
    checkBeginning(whole, prompt);
    const encode = (text: string) => this.tokenizer.encode(text, { addBos: false });
    // Everything that the template writes behind the prompt, a newline at the end included, as TRL has it.
    return { prompt: encode(prompt), answer: encode(whole.slice(prompt.length)) };
  }

  /** Bytes [first, last) of the text that message `i` takes, its end token included. */
  private async spanOf(messages: readonly ChatMessage[], i: number, text: string): Promise<[number, number]> {
    const after = (
      await this.template.render(messages.slice(0, i + 1), { addGenerationPrompt: false })
    ).trimEnd();
    const before =
      i === 0
        ? beginning(after, await this.generationPrompt())
        : await this.template.render(messages.slice(0, i), { addGenerationPrompt: true });
    checkBeginning(after, before);
    checkBeginning(text, after);
    return [encoder.encode(before).length, encoder.encode(after).length];
  }

  /** What the template writes before an answer. */
  private async generationPrompt(): Promise<string> {
    const question = [{ role: 'user', content: 'x' }];
    const asked = await this.template.render(question, { addGenerationPrompt: false });
    return (await this.template.render(question, { addGenerationPrompt: true })).slice(asked.length);
  }
}

/** Where the assistant speaks first, a template may still write a system prompt before it. */
function beginning(text: string, generationPrompt: string): string {
  const at = text.indexOf(generationPrompt);
  return text.slice(0, at < 0 ? 0 : at + generationPrompt.length);
}

function checkBeginning(text: string, start: string): void {
  if (text.startsWith(start)) return;
  throw new UnsupportedError(
    'chat template: expected one that writes a conversation message by message, got other text for its beginning; ' +
      'it cannot be told what the assistant says',
  );
}
