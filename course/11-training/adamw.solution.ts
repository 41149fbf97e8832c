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
  const { step, learningRate, beta1, beta2, eps, weightDecay } = settings;
  const m = first.map((value, i) => beta1 * value + (1 - beta1) * gradient[i]);
  const v = second.map((value, i) => beta2 * value + (1 - beta2) * gradient[i] ** 2);
  const moved = weight.map((value, i) => {
    const mean = m[i] / (1 - beta1 ** step);
    const square = v[i] / (1 - beta2 ** step);
    return value * (1 - learningRate * weightDecay) - (learningRate * mean) / (Math.sqrt(square) + eps);
  });
  return [moved, m, v];
}
