// Activations times weights: nearly all of a forward pass. Mirror: assembly/linear.ts and the linear-*.ts beside it.

import { type ReferenceMatrix, readRow } from './matrix.ts';

/**
 * Multiplies each row of x with every row of a weight matrix (HF `nn.Linear`).
 *
 *     out[t, o] = Σ over i of x[t, i] · weight[o, i]  (+ bias[o])
 *
 * Every sum runs over i = 0, 1, 2, … whatever the number of rows, so a row's result does not depend on its company.
 *
 * @param out    [rows, outSize]
 * @param x      [rows, inSize]
 * @param weight [outSize, inSize]
 * @param bias   [outSize]
 */
export function linear(
  out: Float64Array,
  x: Float64Array,
  weight: ReferenceMatrix,
  bias?: Float64Array,
): void {
  const { outSize, inSize } = weight;
  const numRows = x.length / inSize;
  const weightRow = new Float64Array(inSize);
  for (let o = 0; o < outSize; o++) {
    readRow(weightRow, weight, o);
    let t = 0;
    for (; t + 4 <= numRows; t += 4) dotFourRows(out, x, weightRow, t, o, outSize);
    for (; t < numRows; t++) {
      let sum = 0;
      for (let i = 0; i < inSize; i++) sum += x[t * inSize + i] * weightRow[i];
      out[t * outSize + o] = sum;
    }
    if (bias) for (t = 0; t < numRows; t++) out[t * outSize + o] += bias[o];
  }
}

/** The loop above for rows t … t + 3 at once: four sums that do not wait for each other, each in the same order. */
function dotFourRows(
  out: Float64Array,
  x: Float64Array,
  weightRow: Float64Array,
  t: number,
  o: number,
  outSize: number,
): void {
  const inSize = weightRow.length;
  const row0 = t * inSize;
  const row1 = row0 + inSize;
  const row2 = row1 + inSize;
  const row3 = row2 + inSize;
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  for (let i = 0; i < inSize; i++) {
    const w = weightRow[i];
    sum0 += x[row0 + i] * w;
    sum1 += x[row1 + i] * w;
    sum2 += x[row2 + i] * w;
    sum3 += x[row3 + i] * w;
  }
  out[t * outSize + o] = sum0;
  out[(t + 1) * outSize + o] = sum1;
  out[(t + 2) * outSize + o] = sum2;
  out[(t + 3) * outSize + o] = sum3;
}

/**
 * The gradient of `linear` by its input.
 *
 *     dX[t, i] += Σ over o of dOut[t, o] · weight[o, i]
 */
export function linearBackwardInput(dX: Float64Array, dOut: Float64Array, weight: ReferenceMatrix): void {
  const { outSize, inSize } = weight;
  const numRows = dOut.length / outSize;
  const weightRows = new Float64Array(4 * inSize);
  for (let o = 0; o < outSize; o += 4) {
    const count = Math.min(4, outSize - o);
    for (let k = 0; k < count; k++) readRow(weightRows.subarray(k * inSize), weight, o + k);
    for (let t = 0; t < numRows; t++) {
      const scales = dOut.subarray(t * outSize + o, t * outSize + o + count);
      addScaledRows(dX, t * inSize, weightRows, scales, inSize);
    }
  }
}

/**
 * The gradient of `linear` by its weight.
 *
 *     dWeight[o, i] += Σ over t of dOut[t, o] · x[t, i]
 *
 * @param dWeight [outSize, inSize]
 */
export function linearBackwardWeight(
  dWeight: Float64Array,
  dOut: Float64Array,
  x: Float64Array,
  { outSize, inSize }: { readonly outSize: number; readonly inSize: number },
): void {
  const numRows = x.length / inSize;
  const scales = new Float64Array(numRows);
  for (let o = 0; o < outSize; o++) {
    for (let t = 0; t < numRows; t++) scales[t] = dOut[t * outSize + o];
    addScaledRows(dWeight, o * inSize, x, scales, inSize);
  }
}

/** The gradient of `linear` by its bias: dBias[o] += Σ over t of dOut[t, o]. */
export function biasBackward(dBias: Float64Array, dOut: Float64Array): void {
  const outSize = dBias.length;
  for (let at = 0; at < dOut.length; at += outSize) {
    for (let o = 0; o < outSize; o++) dBias[o] += dOut[at + o];
  }
}

/**
 * out[outAt + i] += Σ over k of scales[k] · x[k · size + i], for i < size, added in the order of k. Four rows are
 * added in one walk over out: half the time of one by one.
 */
function addScaledRows(
  out: Float64Array,
  outAt: number,
  x: Float64Array,
  scales: Float64Array,
  size: number,
): void {
  let k = 0;
  for (; k + 4 <= scales.length; k += 4) {
    const row0 = k * size;
    const row1 = row0 + size;
    const row2 = row1 + size;
    const row3 = row2 + size;
    const scale0 = scales[k];
    const scale1 = scales[k + 1];
    const scale2 = scales[k + 2];
    const scale3 = scales[k + 3];
    for (let i = 0; i < size; i++) {
      const sum = out[outAt + i] + scale0 * x[row0 + i] + scale1 * x[row1 + i];
      out[outAt + i] = sum + scale2 * x[row2 + i] + scale3 * x[row3 + i];
    }
  }
  for (; k < scales.length; k++) {
    for (let i = 0; i < size; i++) out[outAt + i] += scales[k] * x[k * size + i];
  }
}
