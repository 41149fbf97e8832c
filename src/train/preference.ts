// Direct preference optimisation (Rafailov et al. 2023; TRL's `sigmoid` loss): how much more the policy prefers the
// chosen answer than the reference does, and what that says about each token's weight.

import { exp, log } from '../base/math.ts';

/** Sums of log-probabilities over an answer's tokens. */
export interface PairLogProbs {
  readonly chosen: number;
  readonly rejected: number;
}

export interface PairLoss {
  readonly loss: number;
  /** dL/d(policy.chosen); that of policy.rejected is the opposite. */
  readonly dChosen: number;
  /** beta · (policy - reference), TRL's `rewards/chosen` and `rewards/rejected`. */
  readonly chosenReward: number;
  readonly rejectedReward: number;
}

/**
 *     margin = (policy.chosen - policy.rejected) - (reference.chosen - reference.rejected)
 *     loss   = -log σ(beta · margin)
 *     dLoss/d policy.chosen = -beta · σ(-beta · margin)
 */
export function pairLoss(policy: PairLogProbs, reference: PairLogProbs, beta: number): PairLoss {
  const z = beta * (policy.chosen - policy.rejected - (reference.chosen - reference.rejected));
  // softplus(-z), and σ(-z), without overflow on either side.
  const small = exp(-Math.abs(z));
  const loss = Math.max(0, -z) + log(1 + small);
  const sigmoid = z >= 0 ? small / (1 + small) : 1 / (1 + small);
  return {
    loss,
    dChosen: -beta * sigmoid,
    chosenReward: beta * (policy.chosen - reference.chosen),
    rejectedReward: beta * (policy.rejected - reference.rejected),
  };
}
