// Text to ids and back for clients that count or score: llama.cpp's and vLLM's forms side by side.

import type { ChatMessage } from '../chat/message.ts';
import { readToolChoice } from './chat-request.ts';
import { readMessages, readTools, withTools } from './conversation.ts';
import { type Exchange, readBody } from './exchange.ts';
import type { Fields } from './fields.ts';
import { LIMITS } from './limits.ts';
import { checkIds } from './prompts.ts';
import { idsOf, templateOf } from './question.ts';
import type { Service } from './service.ts';

/** POST /tokenize: `{content}` (llama.cpp) or `{prompt}` or `{messages}` (vLLM). */
export async function tokenize(service: Service, exchange: Exchange): Promise<Response> {
  const { tokenizer } = service.smol;
  const fields = await readBody(exchange);
  const count = (tokens: readonly number[]) => ({
    count: tokens.length,
    max_model_len: service.smol.model.maxSeqLen,
  });
  if (fields.has('messages')) {
    const tokens = await idsOf(service.smol, readConversation(fields), isOpen(fields));
    return Response.json({ tokens, ...count(tokens) });
  }
  if (fields.has('prompt')) {
    const text = fields.text('prompt', LIMITS.contentLength) as string;
    const tokens = tokenizer.encode(text, special(fields.flag('add_special_tokens'), true));
    const pieces = fields.flag('return_token_strs') && {
      token_strs: tokens.map((id) => tokenizer.tokenText(id)),
    };
    return Response.json({ tokens, ...count(tokens), ...pieces });
  }
  const text = fields.text('content', LIMITS.contentLength);
  if (text === undefined) throw fields.wrong('content', 'a text');
  const isParsed = fields.flag('parse_special') ?? true;
  const ids = tokenizer.encode(text, special(fields.flag('add_special'), isParsed));
  const tokens = fields.flag('with_pieces') ? ids.map((id) => ({ id, piece: pieceOf(service, id) })) : ids;
  return Response.json({ tokens });
}

/** A conversation as an answer would see it, without the form: for templates and counts. */
function readConversation(fields: Fields): readonly ChatMessage[] {
  const tools = readTools(fields);
  return withTools(readMessages(fields), readToolChoice(fields, tools) === 'none' ? [] : tools);
}

/** Whether the head of the answer follows the conversation. */
const isOpen = (fields: Fields) => fields.flag('add_generation_prompt') ?? true;

/** The begin-of-text id is added as the tokenizer's file says, or not at all. */
function special(isAdded: boolean | undefined, isParsed: boolean) {
  return { special: isParsed, ...(isAdded !== true && { addBos: false }) };
}

/** A token's text, or its bytes where these are no whole characters. */
function pieceOf({ smol: { tokenizer } }: Service, id: number): string | number[] {
  const bytes = tokenizer.tokenBytes(id);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return [...bytes];
  }
}

/** POST /detokenize: `{tokens}` to `content` (llama.cpp) and `prompt` (vLLM). */
export async function detokenize({ smol: { tokenizer } }: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  const tokens = fields.list('tokens', LIMITS.contentLength);
  if (!tokens) throw fields.wrong('tokens', 'a list of ids');
  const text = tokenizer.decode(checkIds(tokens, 'tokens', tokenizer.vocabSize));
  return Response.json({ content: text, prompt: text });
}

/** GET /tokenizer_info: what evaluation harnesses ask to do without a hub. */
export function tokenizerInfo({ smol }: Service): Response {
  const { tokenizer, template } = smol;
  const text = (id: number | undefined) => (id === undefined ? null : tokenizer.tokenText(id));
  const eos = text(tokenizer.eosIds[0]);
  return Response.json({
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: eos,
    bos_token: text(tokenizer.bosId),
    pad_token: eos,
    chat_template: template?.source ?? null,
    vocab_size: tokenizer.vocabSize,
  });
}

/** POST /apply-template: the text that a conversation becomes. */
export async function applyTemplate({ smol }: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  const addGenerationPrompt = isOpen(fields);
  const prompt = await templateOf(smol).render(readConversation(fields), { addGenerationPrompt });
  return Response.json({ prompt });
}

/** POST /v1/chat/completions/input_tokens: how long a conversation is. */
export async function inputTokens(service: Service, exchange: Exchange): Promise<Response> {
  const fields = await readBody(exchange);
  service.checkModel(fields.text('model'));
  const ids = await idsOf(service.smol, readConversation(fields));
  return Response.json({ object: 'response.input_tokens', input_tokens: ids.length });
}
