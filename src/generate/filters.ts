// Steps of sampling that remove candidates: top-k, top-p, min-p and typical-p. Each is a pure function
// from candidates to candidates and judges the distribution that the earlier ones left, renormalised. Ties
// go by id.

import { logSumExp } from '../base/log-sum-exp.ts';
import { exp, log } from '../base/math.ts';

/** Ids that may still be drawn, ascending, with their logits; the largest logit is 0. */
export interface Candidates {
  readonly ids: Int32Array;
  readonly logits: Float64Array;
}

/** Keeps the `k` largest and whatever equals the smallest of them (HF `TopKLogitsWarper`). */
export function topK(candidates: Candidates, k: number): Candidates {
  const { logits } = candidates;
  if (k >= logits.length) return candidates;
  const least = -kthSmallest(negated(logits), k);
  return keep(candidates, (i) => logits[i] >= least);
}

/** Keeps the smallest set of largest probabilities that reaches `p` in sum (Holtzman et al. 2020). */
export function topP(candidates: Candidates, p: number): Candidates {
  return surelyTopP(candidates, p) ?? exactlyTopP(candidates, p);
}

/**
 * Sums of probabilities that are nearer than this to `p` are left to the exact way. Both ways sum at most 49,152 terms
 * whose errors are below 2^-52 each, so that they differ by less than 3e-11.
 */
const SURE = 1e-9;

/**
 * The same set without most of the work (1.2 ms of 49,152 exponentials): only ids above (1 - p) / n can be in it, since
 * all the others together have less than 1 - p. Undefined where rounding might decide.
 */
function surelyTopP(candidates: Candidates, p: number): Candidates | undefined {
  const { length } = candidates.ids;
  const logSum = logSumExp(candidates.logits);
  const least = logSum + log((1 - p) / length) - SURE;
  const likely = keep(candidates, (i) => candidates.logits[i] >= least);
  const probs = new Float64Array(likely.ids.length);
  for (let i = 0; i < probs.length; i++) probs[i] = exp(likely.logits[i] - logSum);
  const order = leadingMass(negated(likely.logits), probs, p);
  let sum = 0;
  for (const i of order) {
    sum += probs[i];
    if (Math.abs(sum - p) < SURE) return undefined;
  }
  return sum > p ? only(likely, order) : undefined;
}

/** By the definition. */
export function exactlyTopP(candidates: Candidates, p: number): Candidates {
  return only(candidates, leadingMass(negated(candidates.logits), probabilities(candidates), p));
}

/** Keeps probabilities of at least `p` times the largest (Nguyen et al. 2024). */
export function minP(candidates: Candidates, p: number): Candidates {
  const { logits } = candidates;
  const cutoff = log(p) - 1e-9; // below it exp need not be computed to know
  return keep(candidates, (i) => logits[i] >= cutoff && exp(logits[i]) >= p);
}

/**
 * Keeps the smallest set of the most typical ids that reaches `p` in sum, with its ties (Meister et al. 2023;
 * HF `TypicalLogitsWarper`). An id is typical when its surprise is near the mean surprise:
 *
 *     key = | -log prob - Σ prob · -log prob |
 */
export function typicalP(candidates: Candidates, p: number): Candidates {
  const probs = probabilities(candidates);
  // The largest logit is 0, so its probability is 1 / Σ e^logit.
  const logSum = -log(probs[candidates.logits.indexOf(0)]);
  const surprise = candidates.logits.map((logit) => logSum - logit);
  let entropy = 0;
  for (let i = 0; i < probs.length; i++) entropy += probs[i] * surprise[i];
  const keys = surprise.map((value) => Math.abs(value - entropy));
  const order = leadingMass(keys, probs, p);
  const last = keys[order[order.length - 1]];
  return rescale(keep(candidates, (i) => keys[i] <= last));
}

/** Softmax of the candidates' logits: probabilities that sum to 1. */
export function probabilities({ logits }: Candidates): Float64Array {
  const probs = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += probs[i] = exp(logits[i]);
  for (let i = 0; i < probs.length; i++) probs[i] /= sum;
  return probs;
}

/** In a loop: `map` takes four times as long (measured: 0.36 ms for 49,152). */
function negated(values: Float64Array): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = -values[i];
  return out;
}

function keep({ ids, logits }: Candidates, isKept: (i: number) => boolean): Candidates {
  const kept: number[] = [];
  for (let i = 0; i < ids.length; i++) if (isKept(i)) kept.push(i);
  return { ids: Int32Array.from(kept, (i) => ids[i]), logits: Float64Array.from(kept, (i) => logits[i]) };
}

/** The candidates at these places. */
function only(candidates: Candidates, places: Int32Array): Candidates {
  const isKept = new Uint8Array(candidates.ids.length);
  for (const i of places) isKept[i] = 1;
  return keep(candidates, (i) => isKept[i] === 1);
}

/** Shifts the logits so that the largest is 0 again: typical-p alone may remove the likeliest id. */
function rescale({ ids, logits }: Candidates): Candidates {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return { ids, logits: logits.map((logit) => logit - max) };
}

/**
 * Indices in ascending order of key, ties by index: the shortest run from the front whose weights sum to
 * `mass`; all where they never do.
 * Sorts growing fronts instead of everything; 64 of 49,152 are mostly enough.
 */
function leadingMass(keys: Float64Array, weights: Float64Array, mass: number): Int32Array {
  for (let count = 64; ; count *= 8) {
    const front = smallest(keys, count).sort((a, b) => keys[a] - keys[b] || a - b);
    let sum = 0;
    for (let n = 0; n < front.length; n++) {
      sum += weights[front[n]];
      if (sum >= mass) return front.subarray(0, n + 1);
    }
    if (count >= keys.length) return front;
  }
}

/** Indices of the `count` smallest keys, ties by index; in no order. */
function smallest(keys: Float64Array, count: number): Int32Array {
  if (count >= keys.length) return Int32Array.from(keys.keys());
  const threshold = kthSmallest(keys, count);
  let numTies = count;
  for (const key of keys) if (key < threshold) numTies--;
  const indices = new Int32Array(count);
  let n = 0;
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] < threshold || (keys[i] === threshold && numTies-- > 0)) indices[n++] = i;
  }
  return indices;
}

/** The `k`-th smallest value, k from 1 to values.length (Hoare's selection, middle element as pivot). */
export function kthSmallest(values: Float64Array, k: number): number {
  const v = values.slice();
  let low = 0;
  let high = v.length - 1;
  while (low < high) {
    const pivot = v[(low + high) >> 1];
    let i = low;
    let j = high;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i > j) break;
      const swapped = v[i];
      v[i++] = v[j];
      v[j--] = swapped;
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
  return v[k - 1];
}
