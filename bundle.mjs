// Bundles the browser door for pages that have no bundler of their own: dist/bundle holds JavaScript without bare
// imports, and the kernels. Entries keep their names, since they start each other by URL.
//
//   node bundle.mjs [--quiet]

import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('./', import.meta.url));

/** What a page imports, and the workers that it starts: for a model, and for a model in training. */
const ENTRIES = [
  ...['index', 'model-worker', 'team-worker'],
  ...['training-run', 'training-run-worker', 'training-worker'],
];

/** Writes dist/bundle/browser/*.js and dist/bundle/wasm/*.wasm from dist. */
export async function bundle() {
  const bundled = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, `${root}dist/browser/${name}.js`])),
    platform: 'browser',
    logLevel: 'warn',
    // Addresses of workers and kernels stay as they are written: files lie where they did.
    experimental: { resolveNewUrlToAsset: false },
  });
  rmSync(`${root}dist/bundle`, { recursive: true, force: true });
  await bundled.write({
    dir: `${root}dist/bundle`,
    format: 'esm',
    minify: true,
    entryFileNames: 'browser/[name].js',
    chunkFileNames: 'browser/[name]-[hash].js',
  });
  await bundled.close();
  mkdirSync(`${root}dist/bundle/wasm`, { recursive: true });
  for (const name of readdirSync(`${root}dist/wasm`)) {
    if (name.endsWith('.wasm')) copyFileSync(`${root}dist/wasm/${name}`, `${root}dist/bundle/wasm/${name}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
