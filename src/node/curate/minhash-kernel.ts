// The MinHash kernel in Node.

import type { MinHashConfig } from '../../data/minhash/config.ts';
import { kernelSigner } from '../../data/minhash/kernel.ts';
import type { Signer } from '../../data/minhash/signature.ts';
import { wasmModule } from '../platform.ts';

/** A signer of this thread. */
export async function nodeSigner(config: MinHashConfig): Promise<Signer> {
  return kernelSigner(config, await wasmModule('minhash'));
}
