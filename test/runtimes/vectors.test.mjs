// The published vectors on every runtime that has files: vectors/check.mjs, as the guide says, computes all logits of
// the twelve prompts in both precisions and holds their sha256 to those in vectors/. Browsers and workerd, which have
// no files, are held to one of the twelve by answers.test.mjs.

import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { has, PROGRAMS } from './runtimes.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const programOf = (name) => name.replace(' of 256 bits', '');

/** Runs the check the way the guide says it is run, from the published folder or a copy of it. */
async function check(name, weights, folder = 'vectors') {
  const flags =
    { deno: ['run', '-A'], 'node 24 of 256 bits': ['--experimental-wasm-revectorize'] }[name] ?? [];
  const words = [...flags, `${folder}/check.mjs`, weights];
  const ended = promisify(execFile)(PROGRAMS[programOf(name)], words, { cwd: root, timeout: 110_000 });
  return ended.then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

// V8's wider operations (docs/components/batching.md) compute the same.
describe.each(['node', 'node 24', 'node 24 of 256 bits', 'deno', 'bun'])('%s', (name) => {
  it.runIf(has(programOf(name)))(
    'computes the published sha256 of all 12 prompts in both precisions',
    async () => {
      const { code, stdout } = await check(name, inject('weights'));
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.trim()),
      ).toEqual(['fast: 12 of 12 prompts equal', 'precise: 12 of 12 prompts equal']);
      expect(code).toBe(0);
    },
  );
});

it('ends with exit code 1 and the name of the prompt where one bit of a hash differs', async () => {
  // Beside this file, where `smollm2` is found.
  const folder = mkdtempSync(`${root}test/runtimes/vectors-`);
  try {
    copyFileSync(`${root}vectors/check.mjs`, `${folder}/check.mjs`);
    const vectors = JSON.parse(readFileSync(`${root}vectors/135m-instruct-q4_1.json`, 'utf8'));
    const prompts = vectors.prompts.filter(({ name }) => /^(five|eight)-tokens$/.test(name));
    const { sha256 } = prompts[1];
    sha256.precise = sha256.precise.slice(0, -1) + (sha256.precise.endsWith('0') ? '1' : '0');
    writeFileSync(`${folder}/135m-instruct-q4_1.json`, JSON.stringify({ ...vectors, prompts }));
    const { code, stdout } = await check('node', inject('weights'), folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^fast: 2 of 2 prompts equal\s+precise: 1 of 2 prompts equal eight-tokens\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
