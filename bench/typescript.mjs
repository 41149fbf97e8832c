// `node --import ./bench/typescript.mjs FILE.ts` runs a bench: types are stripped by the TypeScript compiler, and
// imports of ../src/*.ts are answered from dist/, so that what is measured is the code that is shipped.

import { existsSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = new URL('../', import.meta.url);
const source = new URL('src/', root).href;
const built = new URL('dist/', root).href;

export function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.ts')) {
    const { href } = new URL(specifier, context.parentURL);
    if (!href.startsWith(source)) return { url: href, format: 'module', shortCircuit: true };
    const url = href.replace(source, built).replace(/\.ts$/, '.js');
    if (!existsSync(new URL(url))) throw new Error(`${fileURLToPath(url)} is not built; run: npm run build`);
    return { url, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { outputText } = ts.transpileModule(readFileSync(new URL(url), 'utf8'), {
    fileName: fileURLToPath(url),
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  });
  return { format: 'module', source: outputText, shortCircuit: true };
}

// Node evaluates this module twice: in the main thread, where it registers itself, and in the thread of the hooks.
const { isMainThread } = await import('node:worker_threads');
if (isMainThread) register(import.meta.url);
