// The MinHash kernel in Node: compiled once for the process.

import { readFile } from 'node:fs/promises';
import type { MinHashConfig } from '../../data/minhash/config.ts';
import { kernelSigner } from '../../data/minhash/kernel.ts';
import type { Signer } from '../../data/minhash/signature.ts';
import { dist } from '../platform.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

/** A signer of this thread. */
export async function nodeSigner(config: MinHashConfig): Promise<Signer> {
  compiled ??= readFile(new URL('wasm/minhash.wasm', dist)).then((bytes) => WebAssembly.compile(bytes));
  return kernelSigner(config, await compiled);
}
