// The kernel of a comparison in Node, compiled once for the process.

import { readFile } from 'node:fs/promises';
import { dist } from './platform.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

/** What `checkpointWeights` takes to multiply rows fast. */
export function productsKernel(): Promise<WebAssembly.Module> {
  compiled ??= readFile(new URL('wasm/products.wasm', dist)).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}
