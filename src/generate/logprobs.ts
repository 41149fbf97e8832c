// Log-probabilities of the model itself: natural logarithm of the softmax of the logits, before any
// step of sampling.

import { logSumExp } from '../base/log-sum-exp.ts';

/** An id and the natural logarithm of its probability. */
export interface IdLogprob {
  readonly id: number;
  readonly logprob: number;
}

/**
 * Log-probability of `id`, and of the `count` likeliest ids in falling order (ties by id).
 *
 * @param logits [vocabSize]
 */
export function logprobsOf(
  logits: Float64Array | Float32Array,
  id: number,
  count: number,
): { logprob: number; top: IdLogprob[] } {
  const normaliser = logSumExp(logits);
  const best: number[] = []; // ids, falling; a new one is put in its place when it beats the last
  for (let candidate = 0; candidate < logits.length && count > 0; candidate++) {
    if (best.length === count && !(logits[candidate] > logits[best[count - 1]])) continue;
    let place = best.length;
    while (place > 0 && logits[candidate] > logits[best[place - 1]]) place--;
    best.splice(place, 0, candidate);
    if (best.length > count) best.pop();
  }
  return {
    logprob: logits[id] - normaliser,
    top: best.map((topId) => ({ id: topId, logprob: logits[topId] - normaliser })),
  };
}
