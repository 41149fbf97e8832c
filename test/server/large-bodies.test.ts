// Bodies that are refused before they have come, written by a client that hears nothing until it has written.

import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, expect, it } from 'vitest';
import { readOut } from '../../src/cli/read-out.ts';
import { serverOf } from './served.ts';

const served = await serverOf({ keys: ['one'] });
const server = createAdaptorServer({ fetch: readOut(served.fetch) }) as Server;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
afterAll(() => server.close());

const PIECE = 2 ** 20;
const PIECES = 8;
const isChunked = 'transfer-encoding: chunked';
const declared = `content-length: ${PIECE * PIECES}`;

/** The line of the status, or what went wrong with the connection; the body comes in pieces, over 800 ms. */
async function statusOf(key: string, header: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let failure = '';
  socket.on('error', (error) => {
    failure = String(error);
  });
  const head = ['POST /v1/completions HTTP/1.1', 'host: a', `authorization: Bearer ${key}`, header];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  for (let n = 0; n < PIECES; n++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (header === isChunked) socket.write(`${PIECE.toString(16)}\r\n`);
    socket.write(Buffer.alloc(PIECE, 0x20));
    if (header === isChunked) socket.write('\r\n');
  }
  if (header === isChunked) socket.write('0\r\n\r\n');
  for await (const bytes of socket) {
    socket.destroy();
    return String(bytes).split('\r\n')[0];
  }
  return failure;
}

it.each<[string, string, string, string]>([
  ['a length that is declared', 'one', declared, 'HTTP/1.1 413 Payload Too Large'],
  ['a length that shows', 'one', isChunked, 'HTTP/1.1 413 Payload Too Large'],
  ['a wrong key', 'two', declared, 'HTTP/1.1 401 Unauthorized'],
])('is told why: %s', async (_, key, header, status) => {
  expect(await statusOf(key, header).catch(String)).toBe(status);
});
