// What a MinHash signature is made of: the presets of FineWeb and FineMath, and the random affine maps.

import { MersenneTwister } from '../../base/mersenne-twister.ts';

export interface MinHashConfig {
  /** Words in a shingle. */
  readonly ngramSize: number;
  /** Bands: documents that agree in one whole band are a pair. */
  readonly numBuckets: number;
  readonly hashesPerBucket: number;
  readonly hash: 'sha1' | 'xxhash';
  /** Of numpy's RandomState, from which the maps are drawn. */
  readonly seed: number;
}

/**
 * FineWeb: two documents that share a part s of their shingles are a pair with probability 1 − (1 − s^8)^14, which
 * is 1/2 at s = 0.72. FineMath: one band of ten.
 */
export const MINHASH_PRESETS = {
  fineweb: { ngramSize: 5, numBuckets: 14, hashesPerBucket: 8, hash: 'sha1', seed: 1 },
  finemath: { ngramSize: 5, numBuckets: 1, hashesPerBucket: 10, hash: 'sha1', seed: 1 },
} as const satisfies Record<string, MinHashConfig>;

/** 2^61 − 1, a Mersenne prime: hashes are below it. */
export const PRIME = (1n << 61n) - 1n;

/** Hashes beyond this are no use to anybody, and the kernel keeps them all in memory. */
const MAX_HASHES = 4096;

/** @throws RangeError for a configuration that no signature can have */
export function checkConfig(config: MinHashConfig): void {
  const { ngramSize, numBuckets, hashesPerBucket, seed } = config;
  for (const [name, value] of Object.entries({ ngramSize, numBuckets, hashesPerBucket }))
    if (!Number.isInteger(value) || value < 1 || value > MAX_HASHES)
      throw new RangeError(`${name}: expected a whole number from 1 to ${MAX_HASHES}, got ${value}`);
  if (numBuckets * hashesPerBucket > MAX_HASHES)
    throw new RangeError(
      `minhash: expected at most ${MAX_HASHES} hashes, got ${numBuckets * hashesPerBucket}`,
    );
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new RangeError(`seed: expected a whole number from 0 to 4294967295, got ${seed}`);
}

/** The maps x → (x·a + b) mod 2^64 mod (2^61 − 1), one for each hash of a signature. */
export interface Permutations {
  /** [numBuckets · hashesPerBucket], 1 ≤ a < 2^61 − 1. */
  readonly a: BigUint64Array;
  /** [numBuckets · hashesPerBucket], 0 ≤ b < 2^61 − 1. */
  readonly b: BigUint64Array;
}

/** `RandomState(seed).randint(1, PRIME, uint64)` for all a, then `randint(0, PRIME)` for all b. */
export function permutations(config: MinHashConfig): Permutations {
  checkConfig(config);
  const count = config.numBuckets * config.hashesPerBucket;
  const twister = MersenneTwister.fromSeed(config.seed);
  const draw = (least: bigint) => BigUint64Array.from({ length: count }, () => randint(twister, least));
  return { a: draw(1n), b: draw(0n) };
}

/** A whole number in [least, PRIME): 61 bits at a time (the high word comes first) until one is in the range. */
export function randint(twister: MersenneTwister, least: bigint): bigint {
  for (;;) {
    const drawn = ((BigInt(twister.word()) << 32n) | BigInt(twister.word())) & PRIME;
    if (drawn <= PRIME - 1n - least) return drawn + least;
  }
}
