// Numbers for cases: the same on every machine and at every run.

/** A stream of numbers in [-1, 1), by the multiply-and-shift generator "mulberry32". */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** `length` numbers of about `size`, rounded to float32 so that a learner may compute in either precision. */
export function randomArray(seed: number, length: number, size = 1): Float64Array {
  const next = randomNumbers(seed);
  return Float64Array.from({ length }, () => Math.fround(size * next()));
}
