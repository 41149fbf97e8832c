// Builds the explorer and serves it with the two headers that give a page threads, and with the model of this machine
// at /model.gguf.

import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' https:; " +
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:",
};

/** GET /model.gguf: SMOLLM2_MODEL or the 135M, found or fetched as the command line does. */
function modelFile(): Plugin {
  let path: Promise<string> | undefined;
  async function find(): Promise<string> {
    const { findWeights } = await import(`${dist}node/find-weights.js`);
    return (await findWeights(process.env.SMOLLM2_MODEL ?? '135m', { onNote: console.log })).path;
  }
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    path ??= find();
    const file = await path;
    const { size, mtimeMs } = statSync(file);
    const etag = `"${size}-${Math.trunc(mtimeMs)}"`;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isRest = start > 0 && start < size && request.headers['if-range'] === etag;
    const from = isRest ? start : 0;
    response.writeHead(isRest ? 206 : 200, {
      ...headers,
      etag,
      'accept-ranges': 'bytes',
      'content-length': size - from,
      ...(isRest && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
    });
    createReadStream(file, { start: from }).pipe(response);
  }
  return {
    name: 'model-file',
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        if (request.url !== '/model.gguf') return next();
        serve(request, response).catch(next);
      });
    },
  };
}

export default defineConfig({
  base: './',
  preview: { headers, host: '127.0.0.1' },
  build: { target: 'es2022' },
  worker: { format: 'es' },
  plugins: [modelFile()],
  resolve: {
    alias: [
      { find: /^smollm2$/, replacement: `${dist}browser/index.js` },
      { find: /^smollm2\/inspect$/, replacement: `${dist}inspect.js` },
      { find: /^smollm2\/sampler$/, replacement: `${dist}generate/sampler.js` },
    ],
  },
});
