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
  /** `certain`: no error within the bound of both logits can change the choice, in the arithmetic in use. */
  readonly verdict: 'certain' | 'tie';
  /** Arithmetics in which every right program must make this choice. */
  readonly certainIn: readonly NamedArithmetic[];
}

export type NamedArithmetic = 'float64' | 'float32' | 'this engine';

/**
 * Largest error of a logit in float64 and in float32, each four times what was measured of right programs: 1e-9 of the
 * reference against transformers in float64, 2.2e-4 of transformers in float32 (docs/numerics.md).
 */
export const LOGIT_ERROR = { float64: 4e-9, float32: 9e-4 } as const;

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
    certainIn: [
      ...(['float64', 'float32'] as const).filter((name) => margin > 2 * LOGIT_ERROR[name]),
      ...(margin > 2 * bound ? (['this engine'] as const) : []),
    ],
  };
}
