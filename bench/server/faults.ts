// Clients as they should not be, beside honest ones, and a long row of small requests: what a server must survive.

import { connect } from 'node:net';
import { ask, closedLoop, promptOf } from './client.ts';
import type { Memory, Server } from './start.ts';

const PROMPTS = 50;
const NUM_TOKENS = 8;

/** Texts of a few prompts, each asked alone. */
async function answersAlone({ url }: Server, vocabSize: number): Promise<string[]> {
  const texts: string[] = [];
  for (let n = 0; n < PROMPTS; n++) {
    texts.push((await ask(url, { prompt: promptOf(8 + n, n, vocabSize), maxTokens: NUM_TOKENS })).text);
  }
  return texts;
}

export interface SoakResult {
  readonly requests: number;
  readonly wrong: number;
  /** Why honest requests had no answer. */
  readonly failed: readonly string[];
  /** After each twentieth. */
  readonly memory: readonly Memory[];
  readonly pending: number;
}

/** Writes down why a request failed: what `fetch` says is in the error's cause. */
const noting = (failed: string[], index: number) => (error: Error) => {
  failed.push(`request ${index}: ${error.message}${error.cause ? `: ${error.cause}` : ''}`);
  return undefined;
};

/** @param requests requests by 16 clients, prompts that begin alike and others */
export async function soak(server: Server, requests: number, vocabSize: number): Promise<SoakResult> {
  const expected = await answersAlone(server, vocabSize);
  const memory: Memory[] = [];
  let wrong = 0;
  const failed: string[] = [];
  await closedLoop(16, requests, async (index) => {
    const n = (index * 7) % PROMPTS;
    const heard = await ask(server.url, {
      prompt: promptOf(8 + n, n, vocabSize),
      maxTokens: NUM_TOKENS,
      usesCache: index % 2 === 0,
    }).catch(noting(failed, index));
    if (heard && heard.text !== expected[n]) wrong++;
    if ((index + 1) % Math.ceil(requests / 20) === 0) memory.push(await server.memory());
  });
  return { requests, wrong, failed, memory, pending: await server.pending() };
}

const BROKEN = [
  'rubbish\r\n\r\n',
  'POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000000\r\n\r\n{"prompt":',
  'POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a":nope',
  `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-long: ${'a'.repeat(100_000)}\r\n\r\n`,
  '\u0000\u0001\u0002\u0003',
];

/** Writes a broken request byte by byte, or whole, and goes away. */
function dribble({ url }: Server, text: string, isSlow: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    if (!isSlow) socket.write(text);
    let at = 0;
    const timer = setInterval(() => {
      if (isSlow && at < 20) socket.write(text.slice(at, ++at));
      else {
        clearInterval(timer);
        socket.destroy();
      }
    }, 10);
  });
}

/** Requests until a thread of the server is killed. */
const KILL_EVERY = 100;

/** Every second client is honest, and must get what it gets alone. */
export async function faults(server: Server, requests: number, vocabSize: number): Promise<SoakResult> {
  const expected = await answersAlone(server, vocabSize);
  const memory: Memory[] = [];
  let wrong = 0;
  const failed: string[] = [];
  await closedLoop(32, requests, async (index) => {
    if (index % KILL_EVERY === KILL_EVERY - 1) server.killWorker();
    const n = index % PROMPTS;
    const prompt = promptOf(8 + n, n, vocabSize);
    if (index % 2 === 0) {
      const heard = await ask(server.url, { prompt, maxTokens: NUM_TOKENS }).catch(noting(failed, index));
      if (heard && heard.text !== expected[n]) wrong++;
    } else if (index % 4 === 1) {
      await ask(server.url, { prompt, maxTokens: 200, hangUpAfter: 1 + (index % 5) }).catch(() => undefined);
    } else {
      await dribble(server, BROKEN[(index >> 2) % BROKEN.length], index % 8 === 3);
    }
    if ((index + 1) % Math.ceil(requests / 20) === 0) memory.push(await server.memory());
  });
  // Those that hung up must have left a moment later.
  for (let n = 0; n < 100 && (await server.pending()) > 0; n++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return { requests, wrong, failed, memory, pending: await server.pending() };
}
