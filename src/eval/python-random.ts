// Python's random.Random, bit for bit: the Mersenne Twister with CPython's seeding, and the four methods that
// evaluation harnesses draw documents and few-shot examples with.

import { MersenneTwister } from '../base/mersenne-twister.ts';

/** `random.Random(seed)` for whole seeds below 2^32. */
export class PythonRandom {
  private readonly twister: MersenneTwister;

  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
      throw new RangeError(`seed: expected a whole number from 0 to 4294967295, got ${seed}`);
    }
    this.twister = MersenneTwister.fromKey([seed]);
  }

  /** A float in [0, 1) with 53 random bits. */
  random(): number {
    const high = this.twister.word() >>> 5;
    const low = this.twister.word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A whole number in [0, bound): draws of as many bits as the bound has, until one is below it. */
  below(bound: number): number {
    const numBits = 32 - Math.clz32(bound);
    let drawn = this.twister.word() >>> (32 - numBits);
    while (drawn >= bound) drawn = this.twister.word() >>> (32 - numBits);
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
}
