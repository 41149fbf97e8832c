// The `ts` blocks of the documents as programs of the page: each is built with the site, so that a press runs it. A
// block that needs files or the real weights runs in Node.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './tree.mjs';

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const shim = fileURLToPath(new URL('../src/page/assert.ts', import.meta.url));
const PREFIX = 'block:';

/** `smollm2/data` to the built file, by package.json's exports. */
export function builtFile(specifier) {
  const door = specifier.replace(/^smollm2/, '.');
  const own = exports[door];
  return own && join(root, own.browser?.default ?? own.default);
}

/** Name of a block's script, from its place in the documents. */
export function scriptName(place) {
  return `run-${place.replace(/[^a-z0-9]+/gi, '-')}`;
}

/** Whether a page can run a block. */
export function runsInPage(code, isSlow) {
  if (isSlow || /\b(readFileSync|process|Buffer|openCheckpoint|generateKeyPair)\b|load\(/.test(code)) return false;
  const specifiers = [...code.matchAll(/from '([^']+)'/g)].map(([, specifier]) => specifier);
  return specifiers.every((one) => /^node:assert/.test(one) || (/^smollm2/.test(one) && builtFile(one)));
}

/** Every block that a page can run: { place, code }. */
export function pageBlocks(pages) {
  return pages.flatMap(({ file, text, isMade }) =>
    isMade
      ? []
      : [...text.matchAll(/^```ts( slow)?\n([\s\S]*?)^```/gm)]
          .filter(([, slow, code]) => runsInPage(code, Boolean(slow)))
          .map((match) => ({ place: `${file}:${text.slice(0, match.index).split('\n').length}`, code: match[2] })),
  );
}

/** Gives Vite the blocks as modules, and what they import. */
export function blockModules(blocks) {
  const byId = new Map(blocks.map(({ place, code }) => [`\0${PREFIX}${scriptName(place)}.ts`, code]));
  return {
    name: 'blocks',
    enforce: 'pre',
    buildStart() {
      for (const { place } of blocks) {
        const name = scriptName(place);
        this.emitFile({ type: 'chunk', id: `${PREFIX}${name}.ts`, fileName: `run/${name}.js`, preserveSignature: 'allow-extension' });
      }
    },
    resolveId(id) {
      if (id.startsWith(PREFIX)) return `\0${id}`;
      if (/^node:assert(\/strict)?$/.test(id)) return shim;
      if (/^smollm2\//.test(id)) return builtFile(id);
      return undefined;
    },
    load(id) {
      const code = byId.get(id);
      return code === undefined ? undefined : { code, moduleType: 'ts', moduleSideEffects: true };
    },
  };
}
