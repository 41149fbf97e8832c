// Where the golden files are, and how to read the raw ones.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../golden/', import.meta.url);

/** Path of a golden file such as `tiny/gqa/config.json`. */
export function goldenPath(name: string): string {
  const path = fileURLToPath(new URL(name, ROOT));
  if (existsSync(path)) return path;
  throw new Error(`golden ${name}: not in test/golden`);
}

export function goldenBytes(name: string): Uint8Array {
  return readFileSync(goldenPath(name));
}

// biome-ignore lint/suspicious/noExplicitAny: the shape of each golden is documented in test/golden/README.md
export function goldenJson(name: string): any {
  return JSON.parse(readFileSync(goldenPath(name), 'utf8'));
}

/** Raw little-endian float64 values. */
export function goldenFloat64(name: string): Float64Array {
  const bytes = goldenBytes(name);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
