// The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998): the generator behind Python's `random` and numpy's
// `RandomState`. They seed it in two ways and draw from its 32-bit words each in their own way.

const STATE_SIZE = 624;
const SHIFT = 397;

export class MersenneTwister {
  private readonly state = new Uint32Array(STATE_SIZE);
  private at = STATE_SIZE;

  /** `init_genrand` of mt19937ar.c: numpy's `RandomState(seed)`. @param seed a whole number below 2^32 */
  static fromSeed(seed: number): MersenneTwister {
    const twister = new MersenneTwister();
    const { state } = twister;
    state[0] = seed;
    for (let i = 1; i < STATE_SIZE; i++) state[i] = Math.imul(1812433253, mix(state[i - 1])) + i;
    return twister;
  }

  /** `init_by_array` of mt19937ar.c: CPython's `random.seed(int)`, whose key is the seed in 32-bit words. */
  static fromKey(key: readonly number[]): MersenneTwister {
    const twister = MersenneTwister.fromSeed(19650218);
    const { state } = twister;
    const wrap = (i: number) => {
      if (i < STATE_SIZE) return i;
      state[0] = state[STATE_SIZE - 1];
      return 1;
    };
    let i = 1;
    let j = 0;
    for (let n = Math.max(STATE_SIZE, key.length); n > 0; n--) {
      state[i] = (state[i] ^ Math.imul(mix(state[i - 1]), 1664525)) + key[j] + j;
      i = wrap(i + 1);
      j = (j + 1) % key.length;
    }
    for (let n = STATE_SIZE - 1; n > 0; n--) {
      state[i] = (state[i] ^ Math.imul(mix(state[i - 1]), 1566083941)) - i;
      i = wrap(i + 1);
    }
    state[0] = 0x80000000;
    return twister;
  }

  /** The next 32 bits. */
  word(): number {
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
