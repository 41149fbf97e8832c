export function rmsNormBackward(
  dOut: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  eps: number,
): [Float64Array, Float64Array] {
  const size = weight.length;
  const dX = new Float64Array(x.length);
  const dWeight = new Float64Array(size);
  for (let row = 0; row < x.length; row += size) {
    let sumSquares = 0;
    let dot = 0;
    for (let i = 0; i < size; i++) {
      sumSquares += x[row + i] ** 2;
      dot += dOut[row + i] * weight[i] * x[row + i];
    }
    const r = 1 / Math.sqrt(sumSquares / size + eps);
    for (let i = 0; i < size; i++) {
      dX[row + i] = r * dOut[row + i] * weight[i] - (x[row + i] * r ** 3 * dot) / size;
      dWeight[i] += dOut[row + i] * x[row + i] * r;
    }
  }
  return [dX, dWeight];
}
