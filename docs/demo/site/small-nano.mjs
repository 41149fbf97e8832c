// The nano model as the page carries it: Q4_1 matrices below a Q8_0 embedding, as the 135M's file has them, so that a
// slow line brings it in time (models/nano.md has what that costs).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tree.mjs';

/** @returns {Uint8Array} the GGUF file */
export function smallNano() {
  const folder = mkdtempSync(join(tmpdir(), 'small-nano-'));
  try {
    const words = ['dist/cli/main.js', 'quantize', 'models/nano.gguf', join(folder, 'nano.gguf'), '--type', 'q4_1'];
    execFileSync(process.execPath, words, { cwd: root, stdio: 'ignore' });
    return new Uint8Array(readFileSync(join(folder, 'nano.gguf')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
