// The reference's side of src/ops-backward.ts: every backward in plain loops over Float64Array. Each formula stands
// beside its forward, in the file of the operation.

import type { ModelConfig } from '../config.ts';
import type { RopeTable, Sequence } from '../ops.ts';
import {
  type AdamWStep,
  type AttentionRecord,
  type Dense,
  type HeadShape,
  IGNORED_LABEL,
  type RowLosses,
  type TrainingEngine,
} from '../ops-backward.ts';
import { adamw } from './adamw.ts';
import { add } from './add.ts';
import { attendRows, attendRowsBackward } from './attend.ts';
import { embed, embedBackward } from './embed.ts';
import { biasBackward, linear, linearBackwardInput, linearBackwardWeight } from './linear.ts';
import { rowLoss, rowLossBackward } from './loss.ts';
import type { ReferenceMatrix } from './matrix.ts';
import { rmsNorm, rmsNormBackward } from './rmsnorm.ts';
import { type ReferenceRopeTable, rope, ropeBackward, ropeTable } from './rope.ts';
import { swiglu, swigluBackward } from './swiglu.ts';

/** Rows whose logits are in memory at once. */
const LOSS_ROWS = 16;

/** The operations of a training step in plain float64 loops. */
export class ReferenceTraining implements TrainingEngine<Float64Array> {
  readonly name = 'reference';

  keep(length: number): Float64Array {
    return new Float64Array(length);
  }

  ropeTable(config: ModelConfig, maxSeqLen: number): RopeTable {
    return ropeTable(config, maxSeqLen);
  }

  endPass(): void {}

  read(x: Float64Array): Float64Array {
    return x.slice();
  }

  write(x: Float64Array, values: ArrayLike<number>): void {
    x.set(values);
  }

  take(length: number): Float64Array {
    return new Float64Array(length);
  }

  // The garbage collector gives memory back.
  free(): void {}

  clear(x: Float64Array): void {
    x.fill(0);
  }

  copy(out: Float64Array, x: Float64Array): void {
    out.set(x);
  }

  embed(out: Float64Array, table: Dense<Float64Array>, ids: readonly number[]): void {
    embed(out, matrix(table), ids);
  }

  embedBackward(dTable: Float64Array, dOut: Float64Array, ids: readonly number[]): void {
    embedBackward(dTable, dOut, ids);
  }

  rmsNorm(out: Float64Array, x: Float64Array, weight: Float64Array, eps: number): void {
    rmsNorm(out, x, weight, eps);
  }

  rmsNormBackward(
    dX: Float64Array | undefined,
    dWeight: Float64Array | undefined,
    dOut: Float64Array,
    x: Float64Array,
    weight: Float64Array,
    eps: number,
    adds: boolean,
  ): void {
    if (!adds) dX?.fill(0);
    rmsNormBackward(dX, dWeight, dOut, x, weight, eps);
  }

  linear(out: Float64Array, x: Float64Array, weight: Dense<Float64Array>, bias?: Float64Array): void {
    linear(out, x, matrix(weight), bias);
  }

  linearBackwardInput(
    dX: Float64Array,
    dOut: Float64Array,
    weight: Dense<Float64Array>,
    adds: boolean,
  ): void {
    if (!adds) dX.fill(0);
    linearBackwardInput(dX, dOut, matrix(weight));
  }

  linearBackwardWeight(
    dWeight: Float64Array,
    dOut: Float64Array,
    x: Float64Array,
    weight: Dense<Float64Array>,
  ): void {
    linearBackwardWeight(dWeight, dOut, x, weight);
  }

  biasBackward(dBias: Float64Array, dOut: Float64Array): void {
    biasBackward(dBias, dOut);
  }

  rope(x: Float64Array, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    rope(x, table as ReferenceRopeTable, numHeads, sequences);
  }

  ropeBackward(dOut: Float64Array, table: RopeTable, numHeads: number, sequences: readonly Sequence[]): void {
    ropeBackward(dOut, table as ReferenceRopeTable, numHeads, sequences);
  }

  attend(record: AttentionRecord<Float64Array>, heads: HeadShape, sequences: readonly Sequence[]): void {
    attendRows(record, heads, sequences);
  }

  attendBackward(
    dQ: Float64Array,
    dK: Float64Array,
    dV: Float64Array,
    dOut: Float64Array,
    record: AttentionRecord<Float64Array>,
    heads: HeadShape,
    sequences: readonly Sequence[],
  ): void {
    for (const gradient of [dQ, dK, dV]) gradient.fill(0);
    attendRowsBackward(dQ, dK, dV, dOut, record, heads, sequences);
  }

  swiglu(out: Float64Array, gate: Float64Array, up: Float64Array): void {
    swiglu(out, gate, up);
  }

  swigluBackward(
    dGate: Float64Array,
    dUp: Float64Array,
    dOut: Float64Array,
    gate: Float64Array,
    up: Float64Array,
  ): void {
    for (const gradient of [dGate, dUp]) gradient.fill(0);
    swigluBackward(dGate, dUp, dOut, gate, up);
  }

  add(x: Float64Array, y: Float64Array): void {
    add(x, y);
  }

  scale(x: Float64Array, scale: number): void {
    for (let i = 0; i < x.length; i++) x[i] *= scale;
  }

  crossEntropy(x: Float64Array, head: Dense<Float64Array>, labels: readonly number[]): RowLosses {
    return this.eachLogits(x, head, labels, () => {});
  }

  crossEntropyBackward(
    dX: Float64Array,
    dHead: Float64Array | undefined,
    x: Float64Array,
    head: Dense<Float64Array>,
    labels: readonly number[],
    rowWeights: readonly number[],
  ): RowLosses {
    const { outSize, inSize } = head;
    dX.fill(0);
    return this.eachLogits(x, head, labels, (logits, logSums, first) => {
      for (let t = 0; t * outSize < logits.length; t++) {
        const row = logits.subarray(t * outSize, (t + 1) * outSize);
        const label = labels[first + t];
        if (label === IGNORED_LABEL) row.fill(0);
        else rowLossBackward(row, label, logSums[t], rowWeights[first + t]);
      }
      const end = first + logits.length / outSize;
      const rows = x.subarray(first * inSize, end * inSize);
      linearBackwardInput(dX.subarray(first * inSize, end * inSize), logits, matrix(head));
      if (dHead) linearBackwardWeight(dHead, logits, rows, head);
    });
  }

  sumOfSquares(x: Float64Array): number {
    let sum = 0;
    for (const value of x) sum += value * value;
    return sum;
  }

  adamw(
    weight: Float64Array,
    gradient: Float64Array,
    firstMoment: Float64Array,
    secondMoment: Float64Array,
    step: AdamWStep,
  ): void {
    adamw(weight, gradient, firstMoment, secondMoment, step);
  }

  /** Losses of all rows; `visit` gets the logits of a few rows at a time, and may overwrite them. */
  private eachLogits(
    x: Float64Array,
    head: Dense<Float64Array>,
    labels: readonly number[],
    visit: (logits: Float64Array, logSums: Float64Array, first: number) => void,
  ): RowLosses {
    const { outSize, inSize } = head;
    const numRows = labels.length;
    const result = {
      losses: new Float64Array(numRows),
      hits: new Float64Array(numRows),
      entropies: new Float64Array(numRows),
    };
    for (let first = 0; first < numRows; first += LOSS_ROWS) {
      const end = Math.min(first + LOSS_ROWS, numRows);
      const logits = new Float64Array((end - first) * outSize);
      const logSums = new Float64Array(end - first);
      linear(logits, x.subarray(first * inSize, end * inSize), matrix(head));
      for (let t = first; t < end; t++) {
        if (labels[t] === IGNORED_LABEL) continue;
        const row = logits.subarray((t - first) * outSize, (t - first + 1) * outSize);
        const { loss, logSum, isHit, entropy } = rowLoss(row, labels[t]);
        result.losses[t] = loss;
        result.hits[t] = isHit ? 1 : 0;
        result.entropies[t] = entropy;
        logSums[t - first] = logSum;
      }
      visit(logits, logSums, first);
    }
    return result;
  }
}

/** A trainable matrix as the forward operations take it. */
function matrix({ outSize, inSize, values }: Dense<Float64Array>): ReferenceMatrix {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { dtype: 'F64', outSize, inSize, bytes };
}
