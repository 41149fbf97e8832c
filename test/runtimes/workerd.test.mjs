// The example worker on the real workerd: a streamed answer inside 128 MB, cold start, and faults of its weights.

import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { has, PROGRAMS } from './runtimes.mjs';
import { bundleWorker, heapBytes, startWorkerd, temporaryFolder } from './workerd.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MEMORY_LIMIT = 128e6;
/** What garbage may take until V8, near the limit, collects it. */
const MARGIN = 8e6;
const messages = [{ role: 'user', content: 'What is gravity?' }];
const chat = (url, body = { messages }, signal = undefined) =>
  fetch(`${url}/chat`, { method: 'POST', body: JSON.stringify(body), signal });

/** Text and number of events of a stream, and milliseconds until its first event. */
async function readEvents(response, startedAt) {
  let text = '';
  let firstMs;
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    firstMs ??= Date.now() - startedAt;
    text += piece;
  }
  const events = text.split('\n\n').filter((event) => event.startsWith('data: ')); // others say how far the prompt is
  const tokens = events
    .filter((event) => event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice(6)).text);
  return { events, tokens, firstMs };
}

describe.runIf(has('workerd'))('examples/cloudflare-worker', () => {
  let bundle;
  beforeAll(async () => {
    bundle = await temporaryFolder();
    await bundleWorker(`${root}examples/cloudflare-worker/src/worker.ts`, bundle.path, { minify: true });
  });
  afterAll(() => bundle.remove());

  it('streams its first answer after a cold start, and serves its page', async () => {
    const assets = await temporaryFolder();
    await cp(inject('parts'), assets.path, { recursive: true });
    await cp(`${root}examples/cloudflare-worker/public/index.html`, join(assets.path, 'index.html'));
    const worker = await startWorkerd({ dir: bundle.path, assets: assets.path, bin: PROGRAMS.workerd });
    try {
      const page = await (await fetch(`${worker.url}/index.html`)).text();
      expect(page).toContain('<form>');
      const startedAt = Date.now();
      const response = await chat(worker.url);
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      // While one answer streams, a second one is told to wait: there is no room for two caches.
      const second = await chat(worker.url);
      expect(second.status).toBe(503);
      await second.body.cancel();
      const { events, tokens, firstMs } = await readEvents(response, startedAt);
      expect(tokens.join('')).toMatch(/^Gravity is a fundamental concept in physics that describes/);
      expect(events.at(-1)).toBe('data: [DONE]');
      expect(events.length).toBeGreaterThan(20);

      const warmStart = Date.now();
      const again = await readEvents(await chat(worker.url), warmStart);
      expect(again.tokens).toBeInstanceOf(Array);
      console.log(`workerd: cold start to first token ${firstMs} ms, warm ${again.firstMs} ms`);

      for (const [body, error] of [
        [null, 'messages: expected at least one'],
        [{ messages: [] }, 'messages: expected at least one'],
        [{ messages: [null] }, 'messages[0].role: expected one of system, user, assistant'],
        [{ messages: [{ role: 'emperor', content: 'x' }] }, 'messages[0].role: expected one of'],
        [{ messages: [{ role: 'user' }] }, 'messages[0].content: expected a text'],
      ]) {
        const refused = await chat(worker.url, body);
        expect(refused.status).toBe(400);
        expect((await refused.json()).error).toContain(error);
      }
      const tooLong = await chat(worker.url, { messages: [{ role: 'user', content: 'a '.repeat(1100) }] });
      expect(await tooLong.text()).toMatch(/^data: \{"error":"prompt: expected at most 1024 positions, got/);

      // Who hangs up in a long prompt gives up the place; until then others are told to wait.
      const client = new AbortController();
      const long = { messages: [{ role: 'user', content: 'a '.repeat(600) }] };
      const hanging = (await chat(worker.url, long, client.signal)).body.getReader();
      expect(new TextDecoder().decode((await hanging.read()).value)).toMatch(
        /^: \d+ of 631 ids of the prompt/,
      );
      const meanwhile = await chat(worker.url);
      expect([meanwhile.status, await meanwhile.text()]).toEqual([503, 'busy']);
      client.abort();
      let next = await chat(worker.url);
      for (; next.status === 503; next = await chat(worker.url)) await sleep(100, await next.text());
      expect((await readEvents(next, 0)).tokens.join('')).toMatch(/^Gravity/);
    } finally {
      await worker.stop();
      await assets.remove();
    }
  });

  it('refuses a part with one wrong bit by its hash, and answers when the part is right again', async () => {
    const assets = await temporaryFolder();
    await cp(inject('parts'), assets.path, { recursive: true });
    const folder = join(assets.path, 'model');
    const names = (await readdir(folder)).filter((name) => /\.\d+$/.test(name)).sort();
    const part = join(folder, names[3]);
    const right = await readFile(part);
    const wrong = Buffer.from(right);
    wrong[1000] ^= 1;
    await writeFile(part, wrong);
    const worker = await startWorkerd({ dir: bundle.path, assets: assets.path, bin: PROGRAMS.workerd });
    try {
      const refused = await chat(worker.url);
      expect(refused.status).toBe(400);
      expect((await refused.json()).error).toMatch(/expected sha256 [0-9a-f]{64}, got/);
      await writeFile(part, right);
      const { tokens } = await readEvents(await chat(worker.url), Date.now());
      expect(tokens.join('')).toMatch(/^Gravity/);
    } finally {
      await worker.stop();
      await assets.remove();
    }
  });

  it('keeps a full context of 1,024 positions inside 128 MB of isolate memory', async () => {
    const answers = await temporaryFolder();
    await bundleWorker(`${root}test/runtimes/workerd-answer.js`, answers.path);
    const worker = await startWorkerd({ dir: answers.path, assets: inject('parts'), bin: PROGRAMS.workerd });
    try {
      const response = await fetch(`${worker.url}/talk?cacheType=q8&maxMemory=${MEMORY_LIMIT}`);
      const result = await response.json();
      expect(result.error).toBeUndefined();
      expect(result.promptTokens + result.numTokens).toBe(1024);
      const { inUse, withGarbage } = await heapBytes(worker.inspectorPort);
      const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
      console.log(
        `workerd: linear memory ${megabytes(result.linearBytes)}, JavaScript ${megabytes(inUse)} in use after the ` +
          `answer, and ${megabytes(withGarbage - inUse)} that was not yet collected`,
      );
      expect(result.linearBytes + inUse).toBeLessThan(MEMORY_LIMIT - MARGIN);
    } finally {
      await worker.stop();
      await answers.remove();
    }
  });

  it('streams an answer in the form of a schema as an OpenAI-compatible server, inside 128 MB', async () => {
    const server = await temporaryFolder();
    await bundleWorker(`${root}test/runtimes/workerd-server.js`, server.path, { minify: true });
    const worker = await startWorkerd({ dir: server.path, assets: inject('parts'), bin: PROGRAMS.workerd });
    try {
      const schema = {
        type: 'object',
        properties: { city: { type: 'string', maxLength: 20 }, isCapital: { type: 'boolean' } },
        required: ['city', 'isCapital'],
        additionalProperties: false,
      };
      const response = await fetch(`${worker.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'smollm2',
          messages: [{ role: 'user', content: 'Name the capital of France.' }],
          response_format: { type: 'json_schema', json_schema: { name: 'city', schema, strict: true } },
          stream: true,
        }),
      });
      expect(response.headers.get('content-type')).toMatch('text/event-stream');
      const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: '));
      expect(events.at(-1)).toBe('data: [DONE]');
      const deltas = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)).choices[0]);
      const text = deltas.map(({ delta }) => delta.content ?? '').join('');
      expect(JSON.parse(text)).toEqual({ city: expect.any(String), isCapital: expect.any(Boolean) });
      expect(deltas.at(-1).finish_reason).toBe('stop');
      const linear = await (await fetch(`${worker.url}/linear`)).json();
      const { inUse } = await heapBytes(worker.inspectorPort);
      const [inLinear, inHeap] = [linear, inUse].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`);
      console.log(`workerd: server with a schema, linear memory ${inLinear}, JavaScript ${inHeap} in use`);
      expect(linear).toBeGreaterThan(50e6); // the weights are in it
      expect(linear + inUse).toBeLessThan(MEMORY_LIMIT - MARGIN);
    } finally {
      await worker.stop();
      await server.remove();
    }
  });

  it('refuses a float32 cache of that length with the sum that shows why', async () => {
    const answers = await temporaryFolder();
    await bundleWorker(`${root}test/runtimes/workerd-answer.js`, answers.path);
    const worker = await startWorkerd({ dir: answers.path, assets: inject('parts'), bin: PROGRAMS.workerd });
    try {
      const response = await fetch(`${worker.url}/answer?cacheType=f32&maxMemory=${MEMORY_LIMIT}`);
      expect((await response.json()).error).toMatch(
        /^OutOfMemoryError: .*47\.2 MB {2}cache of 1024 positions/s,
      );
    } finally {
      await worker.stop();
      await answers.remove();
    }
  });
});
