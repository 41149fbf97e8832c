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
      addScaledRows(dX.subarray(t * inSize, (t + 1) * inSize), weightRows, scales);
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
    addScaledRows(dWeight.subarray(o * inSize, (o + 1) * inSize), x, scales);
  }
}

/** The gradient of `linear` by its bias: dBias[o] += Σ over t of dOut[t, o]. */
export function biasBackward(dBias: Float64Array, dOut: Float64Array): void {
  const outSize = dBias.length;
  for (let at = 0; at < dOut.length; at += outSize)
    for (let o = 0; o < outSize; o++) dBias[o] += dOut[at + o];
}

/**
 * out[i] += Σ over k of scales[k] · rows[k, i], added in the order of k. Four rows are added in one walk over out: half
 * the time of one by one.
 */
function addScaledRows(out: Float64Array, rows: Float64Array, scales: Float64Array): void {
  const size = out.length;
  let k = 0;
  for (; k + 4 <= scales.length; k += 4) {
    const [row0, row1, row2, row3] = [k * size, (k + 1) * size, (k + 2) * size, (k + 3) * size];
    const [scale0, scale1, scale2, scale3] = [scales[k], scales[k + 1], scales[k + 2], scales[k + 3]];
    for (let i = 0; i < size; i++) {
      const sum = out[i] + scale0 * rows[row0 + i] + scale1 * rows[row1 + i];
      out[i] = sum + scale2 * rows[row2 + i] + scale3 * rows[row3 + i];
    }
  }
  for (; k < scales.length; k++) for (let i = 0; i < size; i++) out[i] += scales[k] * rows[k * size + i];
}
