// The random generator of sampling: xoshiro128** (Blackman and Vigna 2018), seeded by splitmix64
// (Vigna 2015). Whole numbers of 32 bits only, so that a seed draws the same numbers on every
// platform. Not for secrets.

const MASK64 = (1n << 64n) - 1n;

/** One step of splitmix64: the next state and its output, both 64 bits. */
export function splitmix64(state: bigint): { state: bigint; output: bigint } {
  const next = (state + 0x9e3779b97f4a7c15n) & MASK64;
  let z = next;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK64;
  return { state: next, output: z ^ (z >> 31n) };
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** A stream of random numbers; two generators with one seed give the same stream. */
export class Rng {
  /** [4] words of xoshiro128**, never all zero. */
  private readonly words: Uint32Array;

  /**
   * @param words the state itself, four 32-bit words that are not all zero; most callers want `Rng.fromSeed`
   */
  constructor(words: readonly [number, number, number, number]) {
    this.words = Uint32Array.from(words);
    if (this.words.every((word) => word === 0))
      throw new RangeError('rng: expected a state that is not all zero');
  }

  /**
   * The generator of a seed: two outputs of splitmix64, low word before high word.
   *
   * @param seed a whole number from 0 to 2^53 - 1, or a bigint from 0 to 2^64 - 1
   * @throws RangeError for any other number
   */
  static fromSeed(seed: number | bigint): Rng {
    const isValid =
      typeof seed === 'bigint' ? seed >= 0n && seed <= MASK64 : Number.isSafeInteger(seed) && seed >= 0;
    if (!isValid) throw new RangeError(`seed: expected a whole number from 0 to 2^53 - 1, got ${seed}`);
    const first = splitmix64(BigInt(seed));
    const second = splitmix64(first.state);
    const low = (x: bigint) => Number(x & 0xffffffffn);
    return new Rng([
      low(first.output),
      low(first.output >> 32n),
      low(second.output),
      low(second.output >> 32n),
    ]);
  }

  /** The next 32 bits, as a whole number from 0 to 2^32 - 1. */
  nextWord(): number {
    const s = this.words;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** The next number in [0, 1): a multiple of 2^-53, from 27 and 26 bits of two words. */
  next(): number {
    const high = this.nextWord() >>> 5;
    const low = this.nextWord() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
}
