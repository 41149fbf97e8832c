// The same worker as an OpenAI-compatible server: everything under /v1 is answered by one handler, everything else is a
// static file. `"main": "src/openai.ts"` in wrangler.jsonc makes it the one that is deployed.

import { load } from 'smollm2';
import { app, type ServerApp } from 'smollm2/server';

interface Env {
  ASSETS: { fetch: typeof fetch };
}

const MODEL = 'https://assets.local/model/SmolLM2-135M-Instruct.Q4_1.gguf.json';

let server: Promise<ServerApp> | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (!new URL(request.url).pathname.startsWith('/v1/')) return env.ASSETS.fetch(request);
    server ??= open(env);
    const { fetch } = await server.catch((error) => {
      server = undefined; // the next request tries again
      throw error;
    });
    return fetch(request);
  },
};

/** One answer at a time and no kept prompts: a second cache would not fit into the isolate's 128 MB. */
async function open(env: Env): Promise<ServerApp> {
  const smol = await load(new URL(MODEL), {
    fetch: (input, init) => env.ASSETS.fetch(input, init),
    maxSeqLen: 1024,
    cacheType: 'q8',
    maxMemory: 128e6,
  });
  const server = app(smol, { parallel: 1, queue: 8, cacheMemory: 0, maxTokens: 256 });
  await server.ready();
  return server;
}
