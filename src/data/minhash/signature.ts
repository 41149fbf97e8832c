// MinHash signatures, the readable version: what a shingle is, what is hashed, and of what the least is taken.
// kernel.ts computes the same numbers in WASM.

import { sha1First64 } from '../hash/sha1.ts';
import { xxhash64 } from '../hash/xxhash64.ts';
import { type MinHashConfig, type Permutations, PRIME, permutations } from './config.ts';

const encoder = new TextEncoder();
const HASHES = { sha1: sha1First64, xxhash: xxhash64 };

/** Computes signatures: one of this file, or one of kernel.ts. */
export interface Signer {
  readonly config: MinHashConfig;
  /**
   * @param words of the simplified text, in order
   * @returns [numBuckets · hashesPerBucket], or null for fewer words than a shingle has: such a document has no
   *   signature and is nobody's duplicate
   */
  sign(words: readonly string[]): BigUint64Array | null;
}

/** Every run of `ngramSize` words, joined by spaces. */
export function shingles(words: readonly string[], ngramSize: number): string[] {
  const found: string[] = [];
  for (let i = 0; i + ngramSize <= words.length; i++) found.push(words.slice(i, i + ngramSize).join(' '));
  return found;
}

/**
 * The signature of a document (Broder 1997): for each of many random orders of all shingles, the least shingle that
 * the document has. Two documents agree in one place with the probability that is their shingles' Jaccard index.
 *
 *     signature[h] = min over shingles of ((hash(shingle) · a[h] + b[h]) mod 2^64) mod (2^61 − 1)
 */
export function signature(
  words: readonly string[],
  config: MinHashConfig,
  maps: Permutations,
): BigUint64Array | null {
  const hashed = shingles(words, config.ngramSize).map((text) => HASHES[config.hash](encoder.encode(text)));
  if (hashed.length === 0) return null;
  return BigUint64Array.from(maps.a, (a, h) => {
    let least = PRIME;
    for (const x of hashed) {
      const place = BigInt.asUintN(64, x * a + maps.b[h]) % PRIME;
      if (place < least) least = place;
    }
    return least;
  });
}

/** A signer without WASM. */
export function referenceSigner(config: MinHashConfig): Signer {
  const maps = permutations(config);
  return { config, sign: (words) => signature(words, config, maps) };
}
