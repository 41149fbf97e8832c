// How sure a greedy choice is: the margin between the two best logits, beside what the arithmetic in use may
// have changed of either. A choice that no rounding can turn must be the same everywhere; another answer is
// then a fault.

import type { GeneratedToken } from './options.ts';

export interface Certainty {
  readonly id: number;
  /** The id that came second. */
  readonly runnerUp: number;
  /** Best logit minus second-best. */
  readonly margin: number;
  readonly bound: number;
  /** `certain`: no error within the bound of both logits can change the choice. */
  readonly verdict: 'certain' | 'tie';
}

/**
 * Certifies one greedy token that was generated with `logprobs` of at least 2 and no penalties.
 *
 * @param bound largest error of a logit in the arithmetic in use: `model.logitErrorBound`
 * @returns undefined where the token does not carry the two likeliest ids
 */
export function certify(token: GeneratedToken, bound: number): Certainty | undefined {
  const [best, second] = token.topLogprobs ?? [];
  if (!best || !second) return undefined;
  // Logits and log-probabilities differ by one number per row, so the margin is the same.
  const margin = best.logprob - second.logprob;
  return {
    id: token.id,
    runnerUp: best.id === token.id ? second.id : best.id,
    margin,
    bound,
    verdict: margin > 2 * bound ? 'certain' : 'tie',
  };
}
