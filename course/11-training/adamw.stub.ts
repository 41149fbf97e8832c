/**
 * One step of AdamW, weight by weight, with g the gradient, m and v the first and second moment:
 *
 *     m      = beta1 · m + (1 − beta1) · g
 *     v      = beta2 · v + (1 − beta2) · g²
 *     weight = weight · (1 − learningRate · weightDecay)
 *              − learningRate · (m / (1 − beta1^step)) / (√(v / (1 − beta2^step)) + eps)
 *
 * @param settings step counts from 1
 * @returns        new ones: [weight, first, second]
 */
export function adamw(
  weight: Float64Array,
  gradient: Float64Array,
  first: Float64Array,
  second: Float64Array,
  settings: {
    step: number;
    learningRate: number;
    beta1: number;
    beta2: number;
    eps: number;
    weightDecay: number;
  },
): [Float64Array, Float64Array, Float64Array] {
  const { step, learningRate } = settings;
  throw new Error(
    `todo: step ${step} of ${weight.length} at ${learningRate}, ${[gradient, first, second].length}`,
  );
}
