// The nano model as the page carries it, small enough for a slow line: Q4_0 matrices below a Q8_0 embedding whose
// numbers are multiples of four, of which gzip needs two bits less (models/nano.md has what that costs).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tree.mjs';

/** Of a Q8_0 block: an f16 scale, then 32 numbers of one byte. */
const BLOCK_BYTES = 34;
const SCALE_BYTES = 2;
const STEP = 4;
const LARGEST = 124;

/** @returns {Promise<Uint8Array>} the GGUF file */
export async function smallNano() {
  const folder = mkdtempSync(join(tmpdir(), 'small-nano-'));
  try {
    const words = ['dist/cli/main.js', 'quantize', 'models/nano.gguf', join(folder, 'nano.gguf'), '--type', 'q4_0'];
    execFileSync(process.execPath, words, { cwd: root, stdio: 'ignore' });
    const file = new Uint8Array(readFileSync(join(folder, 'nano.gguf')));
    const { readGgufHeader } = await import(join(root, 'dist/format/gguf-header.js'));
    const { bytesSource } = await import(join(root, 'dist/format/source.js'));
    const { tensors } = await readGgufHeader(bytesSource('nano.gguf', file));
    for (const { dtype, offset, byteLength } of tensors) {
      if (dtype === 'Q8_0') coarsen(new Int8Array(file.buffer, file.byteOffset + offset, byteLength));
    }
    return file;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rounds the numbers of Q8_0 blocks to steps of four: six bits are left. */
function coarsen(blocks) {
  for (let block = 0; block < blocks.length; block += BLOCK_BYTES) {
    for (let at = block + SCALE_BYTES; at < block + BLOCK_BYTES; at++) {
      const value = STEP * Math.round(blocks[at] / STEP);
      blocks[at] = Math.max(-LARGEST, Math.min(LARGEST, value));
    }
  }
}
