// Bundles the browser door for pages that have no bundler of their own: dist/browser holds JavaScript without bare
// imports, and the kernels. Entries keep their names, since they start each other by URL.
//
//   node bundle.mjs [--quiet]

import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('./', import.meta.url));

/** What a page imports, and the two workers that it starts. */
const ENTRIES = ['browser', 'model-worker', 'team-worker-web'];

/** Writes dist/browser/runtime/*.js and dist/browser/wasm/*.wasm from dist. */
export async function bundle() {
  const bundled = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, `${root}dist/runtime/${name}.js`])),
    platform: 'browser',
    logLevel: 'warn',
    // Addresses of workers and kernels stay as they are written: files lie where they did.
    experimental: { resolveNewUrlToAsset: false },
  });
  rmSync(`${root}dist/browser`, { recursive: true, force: true });
  await bundled.write({
    dir: `${root}dist/browser`,
    format: 'esm',
    minify: true,
    entryFileNames: 'runtime/[name].js',
    chunkFileNames: 'runtime/[name]-[hash].js',
  });
  await bundled.close();
  mkdirSync(`${root}dist/browser/wasm`, { recursive: true });
  for (const name of readdirSync(`${root}dist/wasm`)) {
    if (name.endsWith('.wasm')) copyFileSync(`${root}dist/wasm/${name}`, `${root}dist/browser/wasm/${name}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
