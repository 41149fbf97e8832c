// Builds the explorer and the site around it, and serves both with the two headers that give a page threads, and with
// the model of this machine at /model.gguf.

import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { builtFile } from './site/blocks.mjs';
import { fromBuilt } from './site/course.mjs';
import { site } from './site/plugin.mjs';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  // Exercises run what the visitor wrote: a module from a blob, in a worker of its own.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self' blob:; " +
    "connect-src 'self' https:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "frame-src 'self'; manifest-src 'self'",
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

const fromPackage: Plugin = {
  name: 'from-package',
  enforce: 'pre',
  resolveId: (id) => {
    if (id === 'smollm2') return `${dist}browser/index.js`;
    return id.startsWith('smollm2/') ? builtFile(id) : undefined;
  },
};

export default defineConfig({
  base: './',
  appType: 'mpa',
  preview: { headers, host: '127.0.0.1' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: ['index.html', 'page.html'].map((file) => fileURLToPath(new URL(file, import.meta.url))),
    },
  },
  worker: { format: 'es', plugins: () => [fromPackage, fromBuilt()] },
  plugins: [fromPackage, fromBuilt(), modelFile(), ...site(headers)],
});
