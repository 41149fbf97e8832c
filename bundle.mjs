// Bundles the browser door for pages that have no bundler of their own: dist/bundle holds JavaScript without bare
// imports, and the kernels; entries keep their names, since they start each other by URL. dist/course has the exercises.
//
//   node bundle.mjs [--quiet]

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import ts from 'typescript';

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

/**
 * Writes the course's exercises into dist/course as they lie in course/, in JavaScript: the package has them, and Node
 * takes the types away from no file of a package.
 */
export async function bundleCourse() {
  const bundled = await rolldown({
    input: { main: `${root}course/node/main.ts`, worker: `${root}course/node/worker.ts` },
    platform: 'node',
    external: /^(node:|smollm2)/,
    logLevel: 'warn',
  });
  rmSync(`${root}dist/course`, { recursive: true, force: true });
  await bundled.write({ dir: `${root}dist/course/node`, format: 'esm', entryFileNames: '[name].mjs' });
  await bundled.close();
  for (const file of readdirSync(`${root}course`, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(stub|solution)\.ts$/.test(file)) continue;
    const { outputText } = ts.transpileModule(readFileSync(`${root}course/${file}`, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      },
    });
    const written = `${root}dist/course/${file.replace(/ts$/, 'mjs')}`;
    mkdirSync(dirname(written), { recursive: true });
    writeFileSync(written, outputText);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle();
  await bundleCourse();
}
