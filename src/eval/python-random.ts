// Python's random.Random, bit for bit: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with
// CPython's seeding, and the four methods that evaluation harnesses draw documents and few-shot examples
// with.

const STATE_SIZE = 624;
const SHIFT = 397;

/** `random.Random(seed)` for whole seeds below 2^32. */
export class PythonRandom {
  private readonly state = new Uint32Array(STATE_SIZE);
  private at = STATE_SIZE;

  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
      throw new RangeError(`seed: expected a whole number from 0 to 4294967295, got ${seed}`);
    }
    this.seedByArray([seed]);
  }

  /** A float in [0, 1) with 53 random bits. */
  random(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A whole number in [0, bound): draws of as many bits as the bound has, until one is below it. */
  below(bound: number): number {
    const numBits = 32 - Math.clz32(bound);
    let drawn = this.word() >>> (32 - numBits);
    while (drawn >= bound) drawn = this.word() >>> (32 - numBits);
    return drawn;
  }

  /** Shuffles in place, from the last place to the second. */
  shuffle<T>(items: T[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
  }

  /**
   * `count` different items in order of drawing; which of CPython's two methods runs depends on the sizes.
   */
  sample<T>(items: readonly T[], count: number): T[] {
    if (count > items.length) {
      throw new RangeError(`sample: expected at most ${items.length} items, got ${count}`);
    }
    const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
    const chosen: T[] = [];
    if (items.length <= setSize) {
      const pool = [...items];
      for (let i = 0; i < count; i++) {
        const j = this.below(pool.length - i);
        chosen.push(pool[j]);
        pool[j] = pool[pool.length - i - 1];
      }
      return chosen;
    }
    const taken = new Set<number>();
    while (chosen.length < count) {
      const j = this.below(items.length);
      if (taken.has(j)) continue;
      taken.add(j);
      chosen.push(items[j]);
    }
    return chosen;
  }

  /** `init_by_array` of mt19937ar.c. */
  private seedByArray(key: readonly number[]): void {
    const { state } = this;
    state[0] = 19650218;
    for (let i = 1; i < STATE_SIZE; i++) state[i] = Math.imul(1812433253, mix(state[i - 1])) + i;
    let i = 1;
    let j = 0;
    for (let n = Math.max(STATE_SIZE, key.length); n > 0; n--) {
      state[i] = (state[i] ^ Math.imul(mix(state[i - 1]), 1664525)) + key[j] + j;
      i = this.wrap(i + 1);
      j = (j + 1) % key.length;
    }
    for (let n = STATE_SIZE - 1; n > 0; n--) {
      state[i] = (state[i] ^ Math.imul(mix(state[i - 1]), 1566083941)) - i;
      i = this.wrap(i + 1);
    }
    state[0] = 0x80000000;
  }

  private wrap(i: number): number {
    if (i < STATE_SIZE) return i;
    this.state[0] = this.state[STATE_SIZE - 1];
    return 1;
  }

  /** The next 32 bits. */
  private word(): number {
    if (this.at === STATE_SIZE) this.twist();
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < STATE_SIZE; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % STATE_SIZE] & 0x7fffffff);
      state[i] = state[(i + SHIFT) % STATE_SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }
}

/** The recurrence's x ^ (x >> 30). */
function mix(x: number): number {
  return x ^ (x >>> 30);
}
