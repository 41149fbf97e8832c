// Writes synthetic turns behind an address that speaks OpenAI's protocol. Answers come from
// /chat/completions; a user's turn (MagPie) needs /completions with special tokens read as such, which a
// chat endpoint does not have: it is asked once, and told apart by the number of tokens that it counts.

import { UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { chatml } from '../../chat/chatml.ts';
import type { Message, Turn, TurnOptions, Writer } from '../../data/synthesize/writer.ts';

export type Post = (path: string, body: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** ChatML's, which SmolLM2, Qwen and others were trained with. */
const OPEN = '<|im_start|>';
const CLOSE = '<|im_end|>';

/** @param post to paths under the endpoint, such as `/chat/completions` */
export function endpointWriter(post: Post, model: string): Writer {
  let check: Promise<void> | undefined;
  const sampling = ({ temperature, topP, maxTokens, seed }: TurnOptions) => ({
    model,
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    seed,
  });
  const chat = async (
    messages: readonly Message[],
    body: Readonly<Record<string, unknown>>,
  ): Promise<Turn> => {
    const { choice } = choiceOf(await post('/chat/completions', { ...body, messages }));
    const { message } = choice as { message?: { content?: unknown } };
    return turnOf(message?.content, choice.finish_reason);
  };
  return {
    name: model,
    templateTexts: [OPEN, CLOSE, '<|endoftext|>'],
    async turn(messages, role, options) {
      if (role === 'assistant') return chat(messages, sampling(options));
      check ??= checkRaw(post, model);
      await check;
      const prompt = `${chatml(messages)}${OPEN}${role}\n`;
      const { choice } = choiceOf(
        await post('/completions', { ...sampling(options), prompt, stop: [CLOSE] }),
      );
      return turnOf(choice.text, choice.finish_reason);
    },
    async json(messages, schema, options) {
      const format = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
      const { text } = await chat(messages, { ...sampling(options), response_format: format });
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
    },
  };
}

/** @throws UnsupportedError where the endpoint cannot continue an opened user turn */
async function checkRaw(post: Post, model: string): Promise<void> {
  const cannot = (why: string) =>
    new UnsupportedError(
      `endpoint: expected /completions that reads special tokens, got ${why}; MagPie needs the raw template, ` +
        'which a chat endpoint does not have: use a server with raw completions, or a model in this program',
    );
  // As special tokens these are two ids, and a begin-of-text at most; as letters a dozen.
  const prompt = `${OPEN}${CLOSE}`;
  const answer = await post('/completions', { model, prompt, max_tokens: 1, temperature: 0 }).catch(
    (error) => {
      if (error instanceof UnavailableError && /status (400|404|405|422|501)/.test(error.message)) {
        throw cannot(error.message);
      }
      throw error;
    },
  );
  const { usage } = answer as { usage?: { prompt_tokens?: unknown } };
  const count = usage?.prompt_tokens;
  if (typeof count !== 'number') throw cannot('no count of prompt tokens to tell by');
  if (count > 3) throw cannot(`${count} tokens for ${prompt}, which are letters to it`);
}

function choiceOf(answer: unknown): { choice: Record<string, unknown> } {
  const [choice] = (answer as { choices?: Record<string, unknown>[] } | null)?.choices ?? [];
  if (typeof choice === 'object' && choice !== null) return { choice };
  throw new UnavailableError('endpoint: expected choices in the answer, got none');
}

function turnOf(text: unknown, finishReason: unknown): Turn {
  return { text: typeof text === 'string' ? text : '', isEnded: finishReason === 'stop' };
}
