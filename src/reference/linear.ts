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
  const weightRows = new Float64Array(4 * inSize);
  const sums = new Float64Array(8);
  for (let o = 0; o < outSize; o += 4) {
    const count = Math.min(4, outSize - o);
    for (let k = 0; k < count; k++) readRow(weightRows.subarray(k * inSize), weight, o + k);
    for (let t = 0; t < numRows; t += 2) {
      const last = Math.min(t + 1, numRows - 1);
      dotTwoRows(sums, x, t * inSize, last * inSize, weightRows);
      for (let k = 0; k < count; k++) {
        out[t * outSize + o + k] = bias ? sums[k] + bias[o + k] : sums[k];
        out[last * outSize + o + k] = bias ? sums[4 + k] + bias[o + k] : sums[4 + k];
      }
    }
  }
}

/** Rows of x from `a` and from `b` on, times four of a weight: eight sums that do not wait for each other. */
function dotTwoRows(sums: Float64Array, x: Float64Array, a: number, b: number, four: Float64Array): void {
  const inSize = four.length / 4;
  const [row1, row2, row3] = [inSize, 2 * inSize, 3 * inSize];
  // biome-ignore format: a line for each row of sums.
  let a0 = 0, a1 = 0, a2 = 0, a3 = 0;
  // biome-ignore format: as above.
  let b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  for (let i = 0; i < inSize; i++) {
    const valueA = x[a + i];
    const valueB = x[b + i];
    const weight0 = four[i];
    const weight1 = four[row1 + i];
    const weight2 = four[row2 + i];
    const weight3 = four[row3 + i];
    a0 += valueA * weight0;
    a1 += valueA * weight1;
    a2 += valueA * weight2;
    a3 += valueA * weight3;
    b0 += valueB * weight0;
    b1 += valueB * weight1;
    b2 += valueB * weight2;
    b3 += valueB * weight3;
  }
  sums.set([a0, a1, a2, a3, b0, b1, b2, b3]);
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
