// Bytes that somebody downloads before the weights: kernels and the browser's bundle, as they are and compressed.

import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { BenchContext } from './context.ts';

export async function size({ note }: BenchContext): Promise<void> {
  const shipped = { 'dist/wasm/': /\.wasm$/, 'dist/bundle/browser/': /\.js$/ };
  for (const [folder, pattern] of Object.entries(shipped)) {
    const url = new URL(`../${folder}`, import.meta.url);
    let total = 0;
    let packed = 0;
    for (const file of readdirSync(url).filter((name) => pattern.test(name))) {
      const bytes = readFileSync(new URL(file, url));
      const zipped = gzipSync(bytes, { level: 9 }).length;
      note(`${folder}${file}`, bytes.length, zipped);
      total += bytes.length;
      packed += zipped;
    }
    note(`${folder} in all`, total, packed);
  }
}
