// How sure a greedy choice is: the margin between the two best logits, beside what the arithmetic in use may
// have changed of either. A choice that no rounding can turn must be the same everywhere; another answer is
// then a fault.

import type { GeneratedToken } from './options.ts';

/** What computed the logits. */
export interface ArithmeticInUse {
  readonly engine: 'reference' | 'wasm';
  readonly precision?: 'fast' | 'precise';
}

/**
 * Largest error of a logit against exact arithmetic on the same weights: four times what the tests on the
 * golden prompts allow each engine (1e-9 in test/model/golden-*.slow.test.ts; 0.016, and float32
 * transformers' own error of at most 2.2e-4, in test/wasm/golden.slow.test.ts). Measured: docs/numerics.md.
 */
export const LOGIT_ERROR_BOUND = { reference: 4e-9, precise: 9e-4, fast: 0.064 } as const;

export function logitErrorBound({ engine, precision = 'fast' }: ArithmeticInUse): number {
  return engine === 'reference' ? LOGIT_ERROR_BOUND.reference : LOGIT_ERROR_BOUND[precision];
}

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
 * @returns undefined where the token does not carry the two likeliest ids
 */
export function certify(token: GeneratedToken, arithmetic: ArithmeticInUse): Certainty | undefined {
  const [best, second] = token.topLogprobs ?? [];
  if (!best || !second) return undefined;
  // Logits and log-probabilities differ by one number per row, so the margin is the same.
  const margin = best.logprob - second.logprob;
  const bound = logitErrorBound(arithmetic);
  return {
    id: token.id,
    runnerUp: best.id === token.id ? second.id : best.id,
    margin,
    bound,
    verdict: margin > 2 * bound ? 'certain' : 'tie',
  };
}
