// Asking an OpenAI-compatible server, whoever made it: llama.cpp, Ollama, vLLM, LM Studio, llama-cpp-python.
// Replies are foreign input and are read member by member; what a server does not offer is undefined.

import { FormatError, UnavailableError } from '../base/errors.ts';
import { readBodyText } from '../base/read-body.ts';
import type { ChatMessage } from '../chat/message.ts';

/** A token that a server gave, and the likeliest ones in its place. */
export interface ProbedToken {
  readonly text: string;
  readonly logprob: number;
  readonly top: readonly { readonly text: string; readonly logprob: number }[];
}

export interface ProbedAnswer {
  readonly text: string;
  /** Tokens of the prompt as the server counted them. */
  readonly promptTokens?: number;
  readonly tokens?: readonly ProbedToken[];
}

export interface Server {
  /** Greedy continuation of a text. */
  complete(prompt: string, maxTokens: number): Promise<ProbedAnswer>;
  /** Greedy answer to a conversation. */
  chat(messages: readonly ChatMessage[], maxTokens: number): Promise<ProbedAnswer>;
  /** Ids of a text without special treatment; undefined where the server has no such door. */
  tokenize(text: string): Promise<number[] | undefined>;
}

/** Replies longer than this are not read. */
const MAX_REPLY_BYTES = 2 ** 24;
/** Likeliest tokens asked for: the most that every server grants. */
const TOP = 5;
const TIMEOUT_MS = 300_000;

export interface ServerOptions {
  readonly fetch: typeof fetch;
  /** Name of the model in requests; the first that the server lists by default. */
  readonly model?: string;
  readonly apiKey?: string;
}

/** Reaches the server at a base address that ends in `/v1`. */
export async function connectServer(baseUrl: string, options: ServerOptions): Promise<Server> {
  const base = baseUrl.replace(/\/+$/, '');
  const root = base.replace(/\/v1$/, '');
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;
  const request = async (url: string, body?: object): Promise<{ status: number; json: unknown }> => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const init = body ? { method: 'POST', body: JSON.stringify(body), headers, signal } : { headers, signal };
    const response = await options.fetch(url, init).catch((cause) => {
      throw new UnavailableError(`${url}: no answer; is the server running?`, { cause });
    });
    return { status: response.status, json: await readJson(response, url) };
  };
  const ask = async (path: string, body: object): Promise<unknown> => {
    const { status, json } = await request(`${base}${path}`, body);
    if (status === 200) return json;
    const message = JSON.stringify(at(json, 'error') ?? json ?? '').slice(0, 200);
    throw new UnavailableError(`${base}${path}: expected status 200, got ${status} ${message}`);
  };
  const model = options.model ?? (await firstModel(request, base));
  const shared = { model, temperature: 0, seed: 1, stream: false };
  return {
    complete: async (prompt, maxTokens) =>
      answerOf(
        await ask('/completions', { ...shared, prompt, max_tokens: maxTokens, logprobs: TOP }),
        `${base}/completions`,
      ),
    chat: async (messages, maxTokens) =>
      answerOf(
        await ask('/chat/completions', {
          ...shared,
          messages,
          max_tokens: maxTokens,
          logprobs: true,
          top_logprobs: TOP,
        }),
        `${base}/chat/completions`,
      ),
    tokenize: async (text) => {
      const doors: [string, object][] = [
        [`${root}/extras/tokenize`, { input: text }],
        [
          `${root}/tokenize`,
          { content: text, prompt: text, model, add_special: false, add_special_tokens: false },
        ],
      ];
      for (const [url, body] of doors) {
        const { status, json } = await request(url, body);
        const ids = status === 200 ? at(json, 'tokens') : undefined;
        if (Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id))) return ids as number[];
      }
      return undefined;
    },
  };
}

async function firstModel(
  request: (url: string) => Promise<{ json: unknown }>,
  base: string,
): Promise<string> {
  const { json } = await request(`${base}/models`);
  const id = at(at(at(json, 'data'), 0), 'id');
  return typeof id === 'string' ? id : 'default';
}

async function readJson(response: Response, url: string): Promise<unknown> {
  const text = await readBodyText(response, MAX_REPLY_BYTES, url);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member of a foreign value, if it has one. */
function at(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function answerOf(json: unknown, url: string): ProbedAnswer {
  const choice = at(at(json, 'choices'), 0);
  const text = at(choice, 'text') ?? at(at(choice, 'message'), 'content');
  if (typeof text !== 'string') {
    throw new FormatError('expected choices[0] with a text or a message', { file: url });
  }
  const promptTokens = at(at(json, 'usage'), 'prompt_tokens');
  const logprobs = at(choice, 'logprobs');
  return {
    text,
    ...(typeof promptTokens === 'number' ? { promptTokens } : {}),
    tokens: chatTokens(at(logprobs, 'content')) ?? completionTokens(logprobs),
  };
}

/** `logprobs.content` of chat completions, and of newer completions. */
function chatTokens(content: unknown): ProbedToken[] | undefined {
  if (!Array.isArray(content)) return undefined;
  const tokens: ProbedToken[] = [];
  for (const entry of content) {
    const token = oneToken(entry);
    if (!token) return undefined;
    const top = at(entry, 'top_logprobs');
    const list = Array.isArray(top) ? top.map(oneToken) : [];
    tokens.push({ ...token, top: list.filter((other) => other !== undefined) });
  }
  return tokens;
}

function oneToken(entry: unknown): { text: string; logprob: number } | undefined {
  const [text, logprob] = [at(entry, 'token'), at(entry, 'logprob')];
  return typeof text === 'string' && typeof logprob === 'number' ? { text, logprob } : undefined;
}

/** The older form of completions: parallel lists. */
function completionTokens(logprobs: unknown): ProbedToken[] | undefined {
  const [texts, values, tops] = ['tokens', 'token_logprobs', 'top_logprobs'].map((key) => at(logprobs, key));
  if (!Array.isArray(texts) || !Array.isArray(values) || texts.length !== values.length) return undefined;
  if (!texts.every((text) => typeof text === 'string')) return undefined;
  if (!values.every((value) => typeof value === 'number')) return undefined;
  return texts.map((text, n) => {
    const top = Array.isArray(tops) ? tops[n] : undefined;
    const entries = typeof top === 'object' && top !== null ? Object.entries(top) : [];
    return {
      text,
      logprob: values[n],
      top: entries.flatMap(([other, logprob]) =>
        typeof logprob === 'number' ? [{ text: other, logprob }] : [],
      ),
    };
  });
}
