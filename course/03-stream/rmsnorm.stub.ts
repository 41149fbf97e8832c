/**
 * Divides each row by the root of the mean of its squares, and multiplies by the weight:
 *
 *     out[t, i] = x[t, i] / √(mean over j of x[t, j]² + eps) · weight[i]
 *
 * @param x      rows, one after the other; each has weight.length numbers
 * @param weight one number for each column
 * @param eps    a small number
 * @returns      as many numbers as x has; x itself stays as it is
 */
export function rmsNorm(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  throw new Error(`todo: normalise ${x.length / weight.length} rows with eps ${eps}`);
}
