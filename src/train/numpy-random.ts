// Two orders that numpy makes, bit for bit, because nanotron's data loader draws them: RandomState(seed).shuffle
// (Mersenne Twister) orders the windows, default_rng(seed).permutation (PCG64, seeded through SeedSequence) the
// files of a folder. Sources: numpy/random/src/{mt19937,pcg64,distributions}, bit_generator.pyx; O'Neill 2014.

import { MersenneTwister } from '../base/mersenne-twister.ts';

const MASK128 = (1n << 128n) - 1n;
const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** `numpy.random.RandomState(seed).shuffle(items)`, in place. @param seed a whole number below 2^32 */
export function shuffleByRandomState(items: Uint32Array, seed: number): void {
  shuffle(items, MersenneTwister.fromSeed(seed));
}

/** `numpy.random.default_rng(seed).permutation(count)`. @param seed a whole number below 2^32 */
export function permutationByPcg64(count: number, seed: number): Uint32Array {
  const items = Uint32Array.from({ length: count }, (_, i) => i);
  shuffle(items, new Pcg64(seed));
  return items;
}

/** From the last place down; words are cut to as many bits as the place has, until one is not above it. */
function shuffle(items: Uint32Array, generator: { word(): number }): void {
  for (let i = items.length - 1; i > 0; i--) {
    const mask = 0xffffffff >>> Math.clz32(i);
    let j = (generator.word() & mask) >>> 0;
    while (j > i) j = (generator.word() & mask) >>> 0;
    const kept = items[i];
    items[i] = items[j];
    items[j] = kept;
  }
}

class Pcg64 {
  private state: bigint;
  private readonly increment: bigint;
  /** The upper half of the last 64 bits, while it has not been used. */
  private upper: number | undefined;

  constructor(seed: number) {
    const [high, low, streamHigh, streamLow] = seedSequence(seed);
    this.increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & MASK128;
    this.state = (this.increment + ((high << 64n) | low)) & MASK128;
    this.step();
  }

  private step(): void {
    this.state = (this.state * PCG_MULTIPLIER + this.increment) & MASK128;
  }

  /** 32 bits: of each 64, the lower half first. Output XSL-RR. */
  word(): number {
    if (this.upper !== undefined) {
      const { upper } = this;
      this.upper = undefined;
      return upper;
    }
    this.step();
    const folded = BigInt.asUintN(64, (this.state >> 64n) ^ this.state);
    const turn = this.state >> 122n;
    const output = BigInt.asUintN(64, (folded >> turn) | (folded << (-turn & 63n)));
    this.upper = Number(output >> 32n);
    return Number(output & 0xffffffffn);
  }
}

/** numpy's `SeedSequence(seed).generate_state(4, uint64)` for a seed of one word. */
function seedSequence(seed: number): bigint[] {
  let constant = 0x43b0d7e5;
  const hash = (value: number) => {
    const mixed = (value ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    const product = Math.imul(mixed, constant) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  };
  const pool = [seed, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const mixed = (Math.imul(pool[to], 0xca01f9dd) - Math.imul(hash(pool[from]), 0x4973f715)) >>> 0;
      pool[to] = (mixed ^ (mixed >>> 16)) >>> 0;
    }
  }
  let outer = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    const mixed = (pool[i % 4] ^ outer) >>> 0;
    outer = Math.imul(outer, 0x58f38ded) >>> 0;
    const product = Math.imul(mixed, outer) >>> 0;
    return BigInt((product ^ (product >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n));
}
