// One hash of everything that decides a program's answers: weights, tokenizer, template, kernels, precision and the
// code that samples. The same fingerprint and the same request give the same bytes, in every runtime, whatever the
// number of threads. Weights are hashed where they lie in memory: no file is read again.

import { digest, hex } from '../base/sha256.ts';
import { SAMPLING_VERSION } from '../generate/sampling-version.ts';
import type { Digest, Model } from '../model/model.ts';
import { eachWeight, type Weights } from '../model/weights.ts';
import type { Engine } from '../ops.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** `fp_` and 32 hex digits. */
export async function systemFingerprint(
  model: Model,
  tokenizer: Tokenizer,
  chatTemplate: string | undefined,
): Promise<string> {
  const { config, arithmetic } = model;
  const choices = ['smollm2-fingerprint-2', SAMPLING_VERSION, arithmetic, config, chatTemplate ?? null];
  const parts = [new TextEncoder().encode(JSON.stringify(choices, inOrder)), ...tokenizer.tables()];
  const hashes = [await model.hashWeights(digest)];
  for (const part of parts) {
    hashes.push(await digest(new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice()));
  }
  return `fp_${hex(await digest(Uint8Array.from(hashes.flatMap((hash) => [...hash])))).slice(0, 32)}`;
}

/** Weights are hashed in pieces of this many bytes, so that no large copy is made. */
const HASHED_BYTES = 2 ** 20;

/** One hash of all weights as they lie in memory, in the order of the forward pass. */
export async function hashWeights(engine: Engine, weights: Weights, digest: Digest): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [];
  const copy = new Uint8Array(HASHED_BYTES);
  for (const weight of eachWeight(weights)) {
    for (const [run, { length }] of engine.weightBytes(weight).entries()) {
      for (let at = 0; at < length; at += HASHED_BYTES) {
        // Asked for anew, since memory may have moved meanwhile, and copied, since shared memory cannot be hashed.
        const piece = engine.weightBytes(weight)[run].subarray(at, at + HASHED_BYTES);
        copy.set(piece);
        hashes.push(await digest(copy.subarray(0, piece.length)));
      }
    }
  }
  const all = new Uint8Array(hashes.length * (hashes[0]?.length ?? 0));
  for (const [n, hash] of hashes.entries()) all.set(hash, n * hash.length);
  return digest(all);
}

/** Members in the order of their names, so that two readers of one model agree. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
