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
  const sampling = ({ temperature, topP, maxTokens, seed, frequencyPenalty }: TurnOptions) => ({
    model,
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    seed,
    ...(frequencyPenalty && { frequency_penalty: frequencyPenalty }),
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
      throw isRefusal(error) ? cannot(error.message) : error;
    },
  );
  const { usage } = answer as { usage?: { prompt_tokens?: unknown } };
  const count = usage?.prompt_tokens;
  if (typeof count !== 'number') throw cannot('no count of prompt tokens to tell by');
  if (count > 3) throw cannot(`${count} tokens for ${prompt}, which are letters to it`);
}

/** Texts of one request for embeddings. */
const EMBEDDED_AT_ONCE = 64;

/**
 * A vector for each text, in order, from `/embeddings`; undefined where the endpoint has none.
 *
 * @throws UnavailableError when it cannot be reached, or answers another number of vectors than it was asked for
 */
export async function endpointVectors(
  post: Post,
  model: string,
  texts: readonly string[],
): Promise<number[][] | undefined> {
  const vectors: number[][] = [];
  for (let begin = 0; begin < texts.length; begin += EMBEDDED_AT_ONCE) {
    const input = texts.slice(begin, begin + EMBEDDED_AT_ONCE);
    const answer = await post('/embeddings', { model, input, encoding_format: 'float' }).catch((error) => {
      if (isRefusal(error)) return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    const rows = (answer as { data?: { index?: unknown; embedding?: unknown }[] } | null)?.data ?? [];
    const found = input.map((_, i) => rows.find(({ index }) => index === i)?.embedding);
    const size = (found[0] as number[] | undefined)?.length ?? 0;
    for (const vector of found) {
      if (!isVector(vector, vectors[0]?.length ?? size)) {
        throw new UnavailableError('endpoint: expected one embedding for each text, got others');
      }
      vectors.push(vector);
    }
  }
  return vectors;
}

function isVector(value: unknown, size: number): value is number[] {
  return Array.isArray(value) && value.length === size && size > 0 && value.every(Number.isFinite);
}

/** The server is there and does not do what was asked. */
function isRefusal(error: unknown): error is UnavailableError {
  return error instanceof UnavailableError && /status (400|404|405|422|501)/.test(error.message);
}

function choiceOf(answer: unknown): { choice: Record<string, unknown> } {
  const [choice] = (answer as { choices?: Record<string, unknown>[] } | null)?.choices ?? [];
  if (typeof choice === 'object' && choice !== null) return { choice };
  throw new UnavailableError('endpoint: expected choices in the answer, got none');
}

function turnOf(text: unknown, finishReason: unknown): Turn {
  return { text: typeof text === 'string' ? text : '', isEnded: finishReason === 'stop' };
}
