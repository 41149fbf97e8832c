// A small server that speaks the legacy completions call, over a real socket.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonPoster } from '../../src/cli/post-json.ts';
import { ServerScorer } from '../../src/eval/server-scorer.ts';

interface Body {
  prompt: string;
  max_tokens: number;
  echo?: boolean;
  stop?: string[];
}

/**
 * Tokens are words with the blank in front; ln p of a token is minus its length, and `rare` is never
 * likeliest.
 */
function completion({ prompt, max_tokens, echo, stop }: Body): unknown {
  if (!echo) return { choices: [{ text: `${max_tokens} ${stop?.join('|') ?? 'none'}` }] };
  const tokens = [...(prompt.match(/\s*\S+/g) ?? []), ' next'];
  let at = 0;
  const offsets = tokens.map((token) => (at += [...token].length) - [...token].length);
  const logprobs = tokens.map((token, i) => (i === 0 ? null : -token.length));
  const top = tokens.map((token) => (token === ' rare' ? { other: -1 } : { [token]: -token.length }));
  const lists = { tokens, token_logprobs: logprobs, text_offset: offsets, top_logprobs: top };
  return { choices: [{ text: prompt, logprobs: lists }] };
}

let server: Server;
let base: string;
let answer: (body: Body) => { status: number; text: string };

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, text } = answer(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const scorer = () => new ServerScorer(jsonPoster(base), 'm');
const answering = (value: unknown, status = 200) => {
  answer = () => ({ status, text: typeof value === 'string' ? value : JSON.stringify(value) });
};

describe('ServerScorer', () => {
  it('sums the tokens that begin in the continuation, and not the one generated after it', async () => {
    answer = (body) => ({ status: 200, text: JSON.stringify(completion(body)) });
    const likelihoods = await scorer().loglikelihoods([
      { context: 'one two 😀', continuation: ' three four' },
      { context: 'one two ', continuation: 'rare' },
    ]);
    expect(likelihoods).toEqual([
      { sum: -11, isGreedy: true },
      { sum: -5, isGreedy: false },
    ]);
  });

  it('sums a text from its second token, and sends stops and the limit when it writes', async () => {
    answer = (body) => ({ status: 200, text: JSON.stringify(completion(body)) });
    expect(await scorer().textLoglikelihood('one two three')).toBe(-10);
    expect(await scorer().write('p', { stop: ['a', 'b'], maxNewTokens: 7 })).toBe('7 a|b');
    expect(await scorer().write('p', { stop: [], maxNewTokens: 7 })).toBe('7 none');
  });

  it('asks once whether log-probabilities stand at their own tokens, and refuses a server one token late', async () => {
    const prompts: string[] = [];
    answer = (body) => {
      prompts.push(body.prompt);
      return { status: 200, text: JSON.stringify(completion(body)) };
    };
    const patient = scorer();
    await patient.textLoglikelihood('one two');
    await patient.textLoglikelihood('one two');
    expect(prompts).toEqual([prompts[0], 'one two', 'one two']);
    answer = (body) => {
      const { choices } = completion(body) as { choices: { logprobs: Record<string, unknown[]> }[] };
      choices[0].logprobs.top_logprobs.shift();
      return { status: 200, text: JSON.stringify({ choices }) };
    };
    await expect(scorer().textLoglikelihood('one two')).rejects.toThrow(
      'server: expected ln p of each echoed token after those before it, got them one token late',
    );
  });

  const ask = () => scorer().loglikelihoods([{ context: 'a', continuation: ' b' }]);
  it.each([
    [
      { choices: [{ text: 'x' }] },
      'server: expected logprobs of the echoed prompt, got none; it must support echo',
    ],
    [{ choices: [] }, 'server, choices: expected at least one choice'],
    [{ error: { message: 'no such model' } }, 'got {"error":{"message":"no such model"}}'],
    [
      { choices: [{ logprobs: { token_logprobs: [null, 'x'], text_offset: [0, 1] } }] },
      'server, logprobs.token_logprobs[1]: expected a number, got "x"',
    ],
    [
      { choices: [{ logprobs: { token_logprobs: [null, -1] } }] },
      'server, logprobs: expected text_offset as long as token_logprobs',
    ],
    ['<html>', 'expected JSON'],
  ])('refuses %j', async (value, message) => {
    answering(value);
    await expect(ask()).rejects.toThrow(message);
  });

  it('passes on what the server says when it refuses, and says when there is none', async () => {
    answering('{"error":"no such model"}', 404);
    await expect(ask()).rejects.toThrow(`${base}/completions: status 404, `);
    await expect(ask()).rejects.toThrow(/no such model/);
    const nobody = new ServerScorer(jsonPoster('http://127.0.0.1:9/v1'), 'm');
    await expect(nobody.write('p', { stop: [], maxNewTokens: 1 })).rejects.toThrow(
      /127\.0\.0\.1:9\/v1.*is it running\?/,
    );
  });
});
