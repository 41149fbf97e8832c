export function rmsNorm(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const size = weight.length;
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += size) {
    let sumSquares = 0;
    for (let i = 0; i < size; i++) sumSquares += x[row + i] ** 2;
    const rms = Math.sqrt(sumSquares / size + eps);
    for (let i = 0; i < size; i++) out[row + i] = (x[row + i] / rms) * weight[i];
  }
  return out;
}
