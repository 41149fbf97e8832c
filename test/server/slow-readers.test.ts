// A client that does not read: its answer waits, others do not, and it gets all of it in the end.

import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import { createAdaptorServer } from '@hono/node-server';
import { expect, it } from 'vitest';
import { get, post, serverOf } from './served.ts';

/** A connection without the system's buffers, which hold megabytes: what is written waits until somebody reads. */
class UnreadConnection extends Duplex {
  heard = '';
  private isReading = false;
  private held: (() => void) | undefined;

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.heard += bytes;
    if (this.isReading) done();
    else this.held = done;
  }

  readOn(): void {
    this.isReading = true;
    this.held?.();
  }
}

it('a stream whose reader stops is drawn no further than what fits between, and goes on', {
  tags: ['slow'],
}, async () => {
  // Places for others beside the sixteen that it holds.
  const served = await serverOf({ parallel: 20 });
  const server = createAdaptorServer({ fetch: served.fetch }) as Server;
  const connection = new UnreadConnection();
  server.emit('connection', connection);
  const numTokens = 100;
  const choices = 16;
  const ask = { prompt: 'Hi', max_tokens: numTokens, n: choices, logprobs: 5, ignore_eos: true, seed: 1 };
  const body = JSON.stringify({ ...ask, stream: true });
  connection.push(
    `POST /v1/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const drawn = async () => {
    const slots: { next_token?: { n_decoded: number } }[] = (await get('/slots', served)).json;
    return slots.reduce((sum, slot) => sum + (slot.next_token?.n_decoded ?? 0), 0);
  };
  let before = -1;
  for (let now = 0; now !== before; now = await drawn()) {
    before = now;
    const ask = { prompt: 'Ho', max_tokens: 90, ignore_eos: true, n: 2 };
    const other = await post('/v1/completions', ask, { server: served });
    expect(other.status).toBe(200);
  }
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(numTokens * choices);
  connection.readOn();
  while (!connection.heard.includes('[DONE]')) await new Promise((resolve) => setTimeout(resolve, 5));
  const whole = await post('/v1/completions', ask, { server: served });
  const texts = Array.from({ length: choices }, () => '');
  for (const [, json] of connection.heard.matchAll(/^data: (\{.*\})\r?$/gm)) {
    for (const { index, text } of JSON.parse(json).choices) texts[index] += text;
  }
  expect(texts).toEqual(whole.json.choices.map(({ text }: { text: string }) => text));
});
