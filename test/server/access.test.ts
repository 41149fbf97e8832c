// Who may ask, how much at once, and what happens when a client goes away.

import { describe, expect, it } from 'vitest';
import { app } from '../../src/server/app.ts';
import { get, post, served, serverOf, smol, user } from './served.ts';

const ask = { messages: user('Hi'), max_tokens: 3, temperature: 0 };
const long = { ...ask, max_tokens: undefined, ignore_eos: true };
const gauges = async (server = served) => {
  const { text } = await get('/metrics', server);
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  return [value('smollm2_num_requests_running'), value('smollm2_num_requests_waiting')];
};
const asked = (body: object, signal?: AbortSignal) =>
  new Request('http://localhost/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
const chat = '/v1/chat/completions';

describe('access', () => {
  it('asks for a key where there are keys, but for /health', async () => {
    const server = await serverOf({ keys: ['one', 'two'] });
    expect((await get('/health', server)).status).toBe(200);
    const none = await post(chat, ask, { server });
    expect([none.status, none.json.error.type]).toEqual([401, 'authentication_error']);
    for (const key of ['on', 'onee', 'TWO']) {
      expect((await post(chat, ask, { server, headers: { authorization: `Bearer ${key}` } })).status).toBe(
        401,
      );
    }
    expect((await post(chat, ask, { server, headers: { authorization: 'Bearer two' } })).status).toBe(200);
    expect((await post(chat, ask, { server, headers: { 'x-api-key': 'one' } })).status).toBe(200);
  });

  it('lets pages of this machine ask, and others only where they are named', async () => {
    const origin = 'https://page.example';
    expect((await post(chat, ask, { headers: { origin } })).status).toBe(403);
    expect((await post(chat, ask, { headers: { origin: 'null' } })).status).toBe(403);
    const server = await serverOf({ origins: [origin] });
    const { headers, status } = await post(chat, ask, { server, headers: { origin } });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    const preflight = await served.fetch(
      new Request(`http://localhost${chat}`, {
        method: 'OPTIONS',
        headers: { origin: 'http://localhost:3000', 'access-control-request-headers': 'x-stainless-os' },
      }),
    );
    expect(preflight.headers.get('access-control-allow-headers')).toBe('x-stainless-os');
  });

  it('answers to its own names only, where these are given', async () => {
    const server = await serverOf({ hosts: ['localhost'] });
    const there = await server.fetch(new Request('http://evil.example/v1/models'));
    expect(there.status).toBe(403);
    expect((await get('/v1/models', server)).status).toBe(200);
  });

  it('is 503 while there is no model, and when it drains, after the answers at hand', async () => {
    let give: (model: typeof smol) => void = () => {};
    const server = app(
      new Promise<typeof smol>((resolve) => {
        give = resolve;
      }),
    );
    expect((await get('/health', server)).status).toBe(503);
    expect((await post(chat, ask, { server })).json.error.type).toBe('unavailable_error');
    give(smol);
    await server.ready();
    const stream = await server.fetch(asked({ ...ask, stream: true }));
    let isDrained = false;
    const drained = server.drain().then(() => {
      isDrained = true;
    });
    expect((await post(chat, ask, { server })).status).toBe(503);
    expect((await get('/health', server)).status).toBe(503);
    expect(isDrained).toBe(false);
    expect(await stream.text()).toContain('[DONE]');
    await drained;
  });

  it('logs no word of what is said', async () => {
    const lines: string[] = [];
    const server = await serverOf({ log: (line) => lines.push(line) });
    await post(`${chat}?x=secret`, { ...ask, messages: user('secret') }, { server });
    expect(lines.at(-1)).toMatch(/^POST \/v1\/chat\/completions 200 \d+ ms$/);
    expect(lines.join()).not.toContain('secret');
  });
});

describe('a client that goes away', () => {
  it('frees its place: in a stream, in a whole answer, in the queue', async () => {
    const server = await serverOf({ parallel: 1 });
    const stops = [new AbortController(), new AbortController(), new AbortController()];
    const stream = await server.fetch(asked({ ...long, stream: true }, stops[0].signal));
    const reader = stream.body!.getReader();
    await reader.read();
    const whole = server.fetch(asked(long, stops[1].signal));
    const third = server.fetch(asked(long, stops[2].signal));
    while ((await gauges(server))[1] < 2);
    stops[2].abort();
    await third;
    while ((await gauges(server))[1] > 1);
    await reader.cancel();
    while ((await gauges(server))[1] > 0);
    expect(await gauges(server)).toEqual([1, 0]);
    stops[1].abort();
    await whole;
    expect(await gauges(server)).toEqual([0, 0]);
  });

  it('leaves no cache behind', async () => {
    let numTaken = 0;
    const server = await serverOf({
      caches: (model) => ({
        take: () => {
          numTaken++;
          return { cache: model.newCache(), ids: [] };
        },
        give: ({ cache }) => {
          numTaken--;
          model.freeCache(cache);
        },
      }),
    });
    const stop = new AbortController();
    const stream = await server.fetch(asked({ ...long, n: 3, stream: true }, stop.signal));
    const reader = stream.body!.getReader();
    await reader.read();
    while (numTaken < 3) await reader.read();
    stop.abort();
    await reader.cancel();
    while ((await gauges(server))[0] > 0);
    expect(numTaken).toBe(0);
  });
});

describe('limits', () => {
  it('sends clients away when the queue is full, saying when to come back', async () => {
    const server = await serverOf({ parallel: 1, queue: 1 });
    const stop = new AbortController();
    const first = server.fetch(asked(long, stop.signal));
    const second = server.fetch(asked(long, stop.signal));
    while ((await gauges(server))[1] < 1);
    const third = await post(chat, ask, { server });
    expect([third.status, third.json.error.code]).toEqual([429, 'queue_full']);
    expect(third.headers.get('retry-after')).toBe('1');
    stop.abort();
    await Promise.all([first, second]);
  });

  const deep = `{"messages":${'['.repeat(1000)}${']'.repeat(1000)}}`;
  const nested = `{"json_schema":${'{"items":'.repeat(10_000)}{}${'}'.repeat(10_000)}}`;
  it.each<[string, string, number]>([
    ['broken JSON', '{"model":', 400],
    ['no object', '[]', 400],
    ['nothing', '', 400],
    ['a thousand lists', deep, 400],
    ['a schema of ten thousand levels', nested, 400],
    ['a body of 5 MB', JSON.stringify({ messages: user('a'.repeat(5e6)) }), 413],
    [
      'contents of more than a million characters',
      JSON.stringify({ messages: user('a'.repeat(1.1e6)) }),
      400,
    ],
    ['a forged prototype', '{"__proto__":{"messages":[]},"messages":[]}', 400],
  ])('refuses %s', async (_, body, status) => {
    const { json, ...answer } = await post(chat, body);
    expect(answer.status).toBe(status);
    expect(json.error.type).toBe('invalid_request_error');
  });

  it('counts a body that does not say its length', async () => {
    const piece = new TextEncoder().encode('a'.repeat(2 ** 20));
    let numSent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        numSent++;
        controller.enqueue(piece);
      },
    });
    const request = new Request(`http://localhost${chat}`, {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    expect((await served.fetch(request)).status).toBe(413);
    expect(numSent).toBeLessThan(8);
  });

  it('refuses headers without end, and unknown paths', async () => {
    expect((await get('/v1/models', served, { 'x-much': 'a'.repeat(20_000) })).status).toBe(431);
    const { status, json } = await get('/v1/nothing');
    expect([status, json.error.code]).toEqual([404, 'not_found']);
  });
});
