// In which order windows of several data sets follow each other. nanotron's rule (src/nanotron/data/nanoset.py):
// over one epoch, as many windows as all sets have, each place goes to the set that is furthest behind its weight,
// each set counting up and starting again at its end; then everything is shuffled once, and the same epoch
// repeats.

import { shuffleByRandomState } from './numpy-random.ts';

/** Which window of which set stands at each place of an epoch; both arrays [number of windows]. */
export interface EpochOrder {
  readonly sets: Uint16Array;
  readonly windows: Uint32Array;
  /** How often each set starts again within the epoch: its windows are repeated that many times. */
  readonly repeats: readonly number[];
}

/** Windows of an epoch that fit a machine: their order takes ten bytes each. */
const MAX_WINDOWS = 2 ** 28;

/**
 * Shares that add up to 1; without weights, each set by its length.
 *
 * @param lengths windows of each set, at least one
 */
export function mixtureShares(
  lengths: readonly number[],
  weights: readonly (number | undefined)[],
): Float64Array {
  const given = weights.every((weight) => weight !== undefined) ? (weights as readonly number[]) : lengths;
  const total = sumLikeNumpy(given);
  return Float64Array.from(given, (weight) => weight / total);
}

/** The epoch before it is shuffled. @throws RangeError when it has too many windows to hold their order */
export function interleaved(lengths: readonly number[], shares: Float64Array): EpochOrder {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total > MAX_WINDOWS) {
    throw new RangeError(`data: expected at most ${MAX_WINDOWS} windows, got ${total}; use fewer shards`);
  }
  const sets = new Uint16Array(total);
  const windows = new Uint32Array(total);
  const counts = new Float64Array(lengths.length);
  for (let place = 0; place < total; place++) {
    const sofar = Math.max(place, 1);
    let chosen = 0;
    let largest = Number.NEGATIVE_INFINITY;
    for (let set = 0; set < counts.length; set++) {
      const error = shares[set] * sofar - counts[set];
      if (error > largest) {
        largest = error;
        chosen = set;
      }
    }
    sets[place] = chosen;
    windows[place] = counts[chosen] % lengths[chosen];
    counts[chosen]++;
  }
  const repeats = lengths.map((length, set) => Math.max(0, Math.ceil(counts[set] / length) - 1));
  return { sets, windows, repeats };
}

/** The epoch as nanotron trains on it; it shuffles both arrays from the same seed, so they stay together. */
export function nanotronOrder(lengths: readonly number[], shares: Float64Array, seed: number): EpochOrder {
  const order = interleaved(lengths, shares);
  const places = Uint32Array.from({ length: order.sets.length }, (_, i) => i);
  shuffleByRandomState(places, seed);
  return permuted(order, places);
}

/** The epoch with place i taken from `places[i]`. */
export function permuted(order: EpochOrder, places: Uint32Array): EpochOrder {
  return {
    sets: Uint16Array.from(places, (place) => order.sets[place]),
    windows: Uint32Array.from(places, (place) => order.windows[place]),
    repeats: order.repeats,
  };
}

/** numpy's sum of up to 128 float64: eight running sums once there are eight values, so that shares have its bits. */
function sumLikeNumpy(values: readonly number[]): number {
  if (values.length < 8) return values.reduce((sum, value) => sum + value, 0);
  const whole = values.length - (values.length % 8);
  const sums = values.slice(0, 8);
  for (let i = 8; i < whole; i++) sums[i % 8] += values[i];
  const pairs = [sums[0] + sums[1], sums[2] + sums[3], sums[4] + sums[5], sums[6] + sums[7]];
  const folded = pairs[0] + pairs[1] + (pairs[2] + pairs[3]);
  return values.slice(whole).reduce((sum, value) => sum + value, folded);
}
