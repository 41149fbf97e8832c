// Every answer has the bits that it has alone, over a socket too: with 1, 16 and 64 clients, beside long prompts, with
// and without the prefix cache, and while others hang up. `npm run bench:server -- equal` does it on the 135M.

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { expect, it } from 'vitest';
import { equalAnswers } from '../../bench/server/equal.ts';
import { load } from '../../src/node/index.ts';
import { app } from '../../src/server/app.ts';

it('is the same in every company', async () => {
  const smol = await load('nano', { threads: 2 });
  // Little memory for prompts: caches are dropped and forked all the time.
  const served = app(smol, { parallel: 24, queue: 1000, cacheMemory: 2 ** 21 });
  const server = createAdaptorServer({ fetch: served.fetch }) as Server;
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await served.ready();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const found = await equalAnswers(
      { url, vocabSize: 1024, longPrompt: 480, chats: false, newTokens: 8 },
      [16, 64],
    );
    console.log(found.map(({ name, hash }) => `${hash} ${name}`).join('\n'));
    expect(found.filter(({ numDifferent }) => numDifferent > 0)).toEqual([]);
    expect(new Set(found.map(({ hash }) => hash)).size).toBe(1);
  } finally {
    server.closeAllConnections();
    server.close();
    await smol.close();
  }
});
