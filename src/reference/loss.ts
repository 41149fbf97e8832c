// The loss of next-token prediction and its gradient. Mirror: assembly/training/loss.ts.

import { exp, log } from '../base/math.ts';

/**
 * Cross-entropy of one row of logits (HF `ForCausalLMLoss` before the mean).
 *
 *     loss = log Σ over id of exp(logits[id]) - logits[label]
 *
 * @param logits [vocabSize]
 * @returns the loss in nats, the log of the sum, whether the label has the largest logit, and the entropy
 */
export function rowLoss(
  logits: Float64Array,
  label: number,
): { loss: number; logSum: number; isHit: boolean; entropy: number } {
  let max = Number.NEGATIVE_INFINITY;
  for (const logit of logits) max = Math.max(max, logit);
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const e = exp(logit - max);
    sum += e;
    weighted += e * (logit - max);
  }
  const logSum = max + log(sum);
  const isHit = logits[label] === max;
  return { loss: logSum - logits[label], logSum, isHit, entropy: log(sum) - weighted / sum };
}

/**
 * The gradient of weight · rowLoss, in place: probabilities, less one at the label.
 *
 *     dLogits[id] = weight · (exp(logits[id] - logSum) - (id = label))
 */
export function rowLossBackward(logits: Float64Array, label: number, logSum: number, weight: number): void {
  for (let id = 0; id < logits.length; id++) {
    logits[id] = weight * (exp(logits[id] - logSum) - (id === label ? 1 : 0));
  }
}
