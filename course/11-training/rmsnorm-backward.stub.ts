/**
 * The gradient of RMSNorm. With r = 1 / √(mean(x²) + eps) of a row of n numbers, and g = dOut · weight:
 *
 *     dX[i]      = r · g[i] − x[i] · (r³ / n) · Σ over j of g[j] · x[j]
 *     dWeight[i] = Σ over rows of dOut[i] · x[i] · r
 *
 * @param dOut how the loss changes with each output, as many as x
 * @param x    rows of weight.length numbers
 * @returns    [dX, dWeight]
 */
export function rmsNormBackward(
  dOut: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
): [Float64Array, Float64Array] {
  throw new Error(`todo: ${x.length / weight.length} rows, ${dOut.length} gradients, eps ${eps}`);
}
