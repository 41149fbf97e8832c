// One hash of everything that decides a program's answers: weights, tokenizer, template, kernels, precision
// and the code that samples. The same fingerprint and the same request give the same bytes, on every machine.

import { sha256 } from '@noble/hashes/sha2.js';
import type { Checkpoint } from '../format/checkpoint.ts';
import { SAMPLING_VERSION } from '../generate/sampling-version.ts';
import { hex } from './digest.ts';

/** How the model is computed; bytes of the WASM kernels where they compute it. */
export interface ComputedBy {
  readonly engine: 'reference' | 'wasm';
  readonly precision?: 'fast' | 'precise';
  readonly cacheType?: string;
  readonly kernels?: Uint8Array;
}

/** Rows of a tensor are hashed in pieces of about this many bytes. */
const PIECE_BYTES = 2 ** 22;

/**
 * `fp_` and 32 hex digits. Threads, batches and chunks are not part of it: they change no bit.
 *
 * @param checkpoint an open one; every tensor is read once
 */
export async function systemFingerprint(checkpoint: Checkpoint, by: ComputedBy): Promise<string> {
  const { engine, precision = 'fast', cacheType = 'f32', kernels } = by;
  const hash = sha256.create();
  const text = (value: unknown) => hash.update(new TextEncoder().encode(`${JSON.stringify(value, plain)}\n`));
  text(['smollm2-fingerprint-1', SAMPLING_VERSION, engine]);
  if (engine === 'wasm') text([precision, cacheType]);
  if (kernels) hash.update(sha256(kernels));
  text(checkpoint.config);
  text(checkpoint.chatTemplate ?? null);
  const { tokenizer } = checkpoint;
  if (tokenizer?.kind === 'gguf') {
    for (const table of [tokenizer.tokens, tokenizer.merges]) {
      hash.update(table.bytes).update(new Uint8Array(Uint32Array.from(table.offsets).buffer));
    }
    text([tokenizer.pre, tokenizer.addSpacePrefix, tokenizer.addBos ?? null, [...tokenizer.tokenTypes]]);
  } else if (tokenizer) text(tokenizer.tokenizer);
  for (const name of [...checkpoint.tensors.keys()].sort()) {
    const tensor = checkpoint.tensors.get(name);
    if (!tensor) continue;
    text([name, tensor.dtype, tensor.shape]);
    const numRows = tensor.shape.length > 1 ? tensor.shape[0] : 1;
    const pieceRows = Math.max(1, Math.floor((PIECE_BYTES / tensor.byteLength) * numRows));
    for (let row = 0; row < numRows; row += pieceRows) {
      hash.update(await tensor.readRows(row, Math.min(row + pieceRows, numRows)));
    }
  }
  return `fp_${hex(hash.digest()).slice(0, 32)}`;
}

/** Members in the order of their names, so that two readers of one model agree. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
