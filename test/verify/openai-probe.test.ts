import { describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { connectServer } from '../../src/verify/openai-probe.ts';

type Route = (body: Record<string, unknown>) => { status?: number; reply: unknown };

/** A server in a function: replies by path, and what was asked. */
function fakeServer(routes: Record<string, Route>) {
  const asked: [string, Record<string, unknown>][] = [];
  const fetch = (async (url: string, init?: RequestInit) => {
    const path = new URL(url).pathname;
    const body = init?.body ? JSON.parse(String(init.body)) : {};
    asked.push([path, body]);
    const { status = 200, reply } = routes[path]?.(body) ?? { status: 404, reply: {} };
    return new Response(typeof reply === 'string' ? reply : JSON.stringify(reply), { status });
  }) as typeof globalThis.fetch;
  return { fetch, asked };
}

const models: Route = () => ({ reply: { data: [{ id: 'smol' }] } });
const connect = (routes: Record<string, Route>) => {
  const { fetch, asked } = fakeServer({ '/v1/models': models, ...routes });
  return connectServer('http://localhost:1/v1/', { fetch }).then((server) => ({ server, asked }));
};

describe('connectServer', () => {
  it('reads the log-probabilities of chat completions', async () => {
    const content = [
      {
        token: 'A',
        logprob: -0.5,
        top_logprobs: [
          { token: 'A', logprob: -0.5 },
          { token: 'B', logprob: -1 },
        ],
      },
    ];
    const { server, asked } = await connect({
      '/v1/chat/completions': () => ({
        reply: {
          choices: [{ message: { content: 'A' }, logprobs: { content } }],
          usage: { prompt_tokens: 7 },
        },
      }),
    });
    expect(await server.chat([{ role: 'user', content: 'x' }], 4)).toEqual({
      text: 'A',
      promptTokens: 7,
      tokens: [
        {
          text: 'A',
          logprob: -0.5,
          top: [
            { text: 'A', logprob: -0.5 },
            { text: 'B', logprob: -1 },
          ],
        },
      ],
    });
    expect(asked.at(-1)?.[1]).toMatchObject({
      model: 'smol',
      temperature: 0,
      max_tokens: 4,
      top_logprobs: 5,
    });
  });

  it('reads the parallel lists of older completions, and replies without log-probabilities', async () => {
    const logprobs = { tokens: ['a', 'b'], token_logprobs: [-1, -2], top_logprobs: [{ a: -1, c: -3 }, null] };
    const { server } = await connect({
      '/v1/completions': ({ prompt }) => ({
        reply: { choices: [prompt === 'with' ? { text: 'ab', logprobs } : { text: 'ab' }] },
      }),
    });
    expect((await server.complete('with', 2)).tokens).toEqual([
      {
        text: 'a',
        logprob: -1,
        top: [
          { text: 'a', logprob: -1 },
          { text: 'c', logprob: -3 },
        ],
      },
      { text: 'b', logprob: -2, top: [] },
    ]);
    expect(await server.complete('without', 2)).toEqual({ text: 'ab', tokens: undefined });
  });

  it('finds the door to the tokenizer of llama-cpp-python, of llama.cpp and vLLM, or none', async () => {
    const tokens: Route = () => ({ reply: { tokens: [1, 2] } });
    expect(await (await connect({ '/extras/tokenize': tokens })).server.tokenize('x')).toEqual([1, 2]);
    expect(await (await connect({ '/tokenize': tokens })).server.tokenize('x')).toEqual([1, 2]);
    expect(
      await (await connect({ '/tokenize': () => ({ reply: { tokens: ['x'] } }) })).server.tokenize('x'),
    ).toBeUndefined();
    expect(await (await connect({})).server.tokenize('x')).toBeUndefined();
  });

  it('says what is wrong with a server that refuses, answers nonsense, or is not there', async () => {
    const refusing = await connect({ '/v1/completions': () => ({ status: 500, reply: { error: 'no' } }) });
    await expect(refusing.server.complete('x', 1)).rejects.toThrow(/expected status 200, got 500 "no"/);
    for (const reply of ['not json', { choices: [] }, { choices: [{ text: 5 }] }]) {
      const { server } = await connect({ '/v1/completions': () => ({ reply }) });
      await expect(server.complete('x', 1)).rejects.toThrow(FormatError);
    }
    const fetch = (() => Promise.reject(new Error('ECONNREFUSED'))) as typeof globalThis.fetch;
    await expect(connectServer('http://localhost:1/v1', { fetch })).rejects.toThrow(UnavailableError);
  });
});
