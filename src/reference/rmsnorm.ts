// Root-mean-square normalisation. Mirror: assembly/rmsnorm.ts.

/**
 * Divides each row by its root mean square and scales it (Zhang & Sennrich 2019, eq. 4; HF `LlamaRMSNorm`).
 *
 *     out[t, i] = x[t, i] / sqrt(mean over j of x[t, j]² + eps) · weight[i]
 *
 * @param out    [rows, hiddenSize]; may be `x` itself
 * @param x      [rows, hiddenSize]
 * @param weight [hiddenSize]
 * @param eps    added to the mean square before the root; 1e-5 in every SmolLM2
 */
export function rmsNorm(out: Float64Array, x: Float64Array, weight: Float64Array, eps: number): void {
  const hiddenSize = weight.length;
  for (let row = 0; row < x.length; row += hiddenSize) {
    let sumSquares = 0;
    for (let i = 0; i < hiddenSize; i++) sumSquares += x[row + i] * x[row + i];
    const scale = 1 / Math.sqrt(sumSquares / hiddenSize + eps);
    for (let i = 0; i < hiddenSize; i++) out[row + i] = x[row + i] * scale * weight[i];
  }
}

/**
 * The gradient of `rmsNorm`: with r = 1 / sqrt(mean(x²) + eps) of a row and g = dOut · weight,
 *
 *     dWeight[i] += Σ over t of dOut[t, i] · x[t, i] · r[t]
 *     dX[i]      += r · g[i] - x[i] · (r³ / hiddenSize) · Σ over j of g[j] · x[j]
 *
 * @param dX      [rows, hiddenSize] where x has a past
 * @param dWeight [hiddenSize] where the weight is trained
 * @param dOut    [rows, hiddenSize]
 */
export function rmsNormBackward(
  dX: Float64Array | undefined,
  dWeight: Float64Array | undefined,
  dOut: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
): void {
  const hiddenSize = weight.length;
  for (let row = 0; row < x.length; row += hiddenSize) {
    let sumSquares = 0;
    let gradientDotX = 0;
    for (let i = 0; i < hiddenSize; i++) {
      sumSquares += x[row + i] * x[row + i];
      gradientDotX += dOut[row + i] * weight[i] * x[row + i];
    }
    const r = 1 / Math.sqrt(sumSquares / hiddenSize + eps);
    const pull = ((r * r * r) / hiddenSize) * gradientDotX;
    for (let i = 0; i < hiddenSize; i++) {
      if (dX) dX[row + i] += r * dOut[row + i] * weight[i] - pull * x[row + i];
      if (dWeight) dWeight[i] += dOut[row + i] * x[row + i] * r;
    }
  }
}
