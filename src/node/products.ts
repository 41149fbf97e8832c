// The products of a comparison in Node: the kernel is compiled once for the process.

import { readFile } from 'node:fs/promises';
import type { Products } from '../diff/bounds.ts';
import { kernelProducts } from '../diff/products.ts';
import { dist } from './platform.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

/** Products of this thread, for `checkpointWeights`. */
export async function nodeProducts(): Promise<Products> {
  compiled ??= readFile(new URL('wasm/products.wasm', dist)).then((bytes) => WebAssembly.compile(bytes));
  return kernelProducts(await compiled);
}
