// The optimizer. Mirror: assembly/training/adamw.ts.

import type { AdamWStep } from '../ops-backward.ts';

/**
 * Moments smaller than this become zero: where a gradient stays zero they decay into numbers so small that
 * processors compute with them many times slower, and eps outweighs them by far.
 */
export const MOMENT_FLOOR = 1e-30;

/**
 * One update of AdamW (Loshchilov & Hutter 2019; PyTorch `AdamW`): decoupled decay, bias correction, eps outside the
 * root. Clears the gradient.
 *
 *     g = gradientScale · gradient
 *     weight *= 1 - learningRate · weightDecay
 *     first   = beta1 · first + (1 - beta1) · g
 *     second  = beta2 · second + (1 - beta2) · g²
 *     weight -= learningRate / correction1 · first / (sqrt(second) / sqrt(correction2) + eps)
 */
export function adamw(
  weight: Float64Array,
  gradient: Float64Array,
  firstMoment: Float64Array,
  secondMoment: Float64Array,
  step: AdamWStep,
): void {
  const { gradientScale, learningRate, beta1, beta2, eps, weightDecay, correction1, correction2 } = step;
  const keep = 1 - learningRate * weightDecay;
  const rate = learningRate / correction1;
  const root = Math.sqrt(correction2);
  for (let i = 0; i < weight.length; i++) {
    const g = gradientScale * gradient[i];
    const first = beta1 * firstMoment[i] + (1 - beta1) * g;
    const second = beta2 * secondMoment[i] + (1 - beta2) * g * g;
    firstMoment[i] = Math.abs(first) < MOMENT_FLOOR ? 0 : first;
    secondMoment[i] = second < MOMENT_FLOOR ? 0 : second;
    weight[i] = weight[i] * keep - (rate * firstMoment[i]) / (Math.sqrt(secondMoment[i]) / root + eps);
    gradient[i] = 0;
  }
}
