// Deduplication in one pass and in fixed memory: a Bloom filter (Bloom 1970) holds the shingles seen so far, and a
// document goes when most of its own are in it. The filter may see what it has not seen, never the other way round.
// Documents are judged in the order in which they come, so this is for one reader of one stream.

import { MersenneTwister } from '../../base/mersenne-twister.ts';
import { sha1First64 } from '../hash/sha1.ts';
import { PRIME, randint } from '../minhash/config.ts';
import { shingles } from '../minhash/signature.ts';

export interface BloomConfig {
  /** A power of two, at least 8. Eight bits a shingle and five hashes: one false answer in fifty. */
  readonly numBits: number;
  readonly numHashes: number;
  /** Words in a shingle. */
  readonly ngramSize: number;
  /** A document goes when a larger part of its shingles has been seen. */
  readonly threshold: number;
  readonly seed: number;
}

/** 512 MB: what one thread should ask for at most. */
const MAX_BITS = 2 ** 32;

const encoder = new TextEncoder();

/** Near duplicates one document after the other: a set of shingles that may say yes to one it never saw. */
export class BloomFilter {
  readonly config: BloomConfig;
  /** [numBits / 8], bit i at place i & 7 of byte i >> 3. */
  readonly bits: Uint8Array;
  private readonly maps: readonly { readonly a: bigint; readonly b: bigint }[];

  constructor(config: BloomConfig) {
    checkBloomConfig(config);
    this.config = config;
    this.bits = new Uint8Array(config.numBits / 8);
    const twister = MersenneTwister.fromSeed(config.seed);
    const draw = (least: bigint) => Array.from({ length: config.numHashes }, () => randint(twister, least));
    const [a, b] = [draw(1n), draw(0n)];
    this.maps = a.map((value, h) => ({ a: value, b: b[h] }));
  }

  /** The bits of a shingle: 32 bits of its SHA-1 under each map. */
  places(shingle: string): number[] {
    const x = sha1First64(encoder.encode(shingle)) & 0xffffffffn;
    const mask = BigInt(this.config.numBits - 1);
    return this.maps.map(({ a, b }) => Number((BigInt.asUintN(64, x * a + b) % PRIME) & mask));
  }

  has(places: readonly number[]): boolean {
    return places.every((place) => this.bits[place >>> 3] & (1 << (place & 7)));
  }

  add(places: readonly number[]): void {
    for (const place of places) this.bits[place >>> 3] |= 1 << (place & 7);
  }

  /**
   * Whether the document is new enough to stay; its shingles are in the filter afterwards, either way. A document of
   * fewer words than a shingle has always stays.
   */
  admits(words: readonly string[]): boolean {
    const found = shingles(words, this.config.ngramSize).map((shingle) => this.places(shingle));
    const unseen = found.filter((places) => !this.has(places));
    for (const places of unseen) this.add(places);
    return found.length === 0 || (found.length - unseen.length) / found.length <= this.config.threshold;
  }

  /** The part of unseen shingles that the filter takes for seen once it holds so many. */
  falsePositiveRate(numShingles: number): number {
    const { numBits, numHashes } = this.config;
    return (1 - Math.exp((-numHashes * numShingles) / numBits)) ** numHashes;
  }
}

/** @throws RangeError for a filter that cannot be */
function checkBloomConfig({ numBits, numHashes, ngramSize, threshold }: BloomConfig): void {
  if (!Number.isInteger(Math.log2(numBits)) || numBits < 8 || numBits > MAX_BITS)
    throw new RangeError(`numBits: expected a power of two from 8 to ${MAX_BITS}, got ${numBits}`);
  for (const [name, value] of Object.entries({ numHashes, ngramSize }))
    if (!Number.isInteger(value) || value < 1 || value > 64)
      throw new RangeError(`${name}: expected a whole number from 1 to 64, got ${value}`);
  if (!(threshold >= 0 && threshold <= 1))
    throw new RangeError(`threshold: expected 0 to 1, got ${threshold}`);
}

/** The number of hashes with the fewest false answers: ln 2 times the bits a shingle has. */
export function bestNumHashes(numBits: number, numShingles: number): number {
  return Math.max(1, Math.round((numBits / numShingles) * Math.LN2));
}
