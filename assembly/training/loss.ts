// Cross-entropy of rows of logits, and its gradient in place of them. Mirror: src/reference/loss.ts.
// Order of sums: four running sums in float32, ids l, l + 4, l + 8, …, for each run of LOSS_RUN ids; then
// (0 + 2) + (1 + 3), added to a float64 sum, runs ascending; then the tail.

import { Worker } from '../memory';
import { exp1, maxLanes, sumLanes } from '../simd';
import { arrive, claim } from '../team';
import { exponentials } from './exponentials';
import { log } from './log';

/** Ids whose exponentials are summed in float32. */
const LOSS_RUN: usize = 256 << 2;
/** The label of a row that does not count. */
const IGNORED: i32 = -100;

/**
 * @param logits  [rows, vocabSize], rows rowBytes apart; where weights are given, they become
 *                weights[t] · (probability - (id = label))
 * @param labels  [rows] i32
 * @param weights [rows] f32, or 0: no gradient
 * @param results [rows][3] f64: loss, 1 where the label has the largest logit, entropy
 */
export function crossEntropy(
  me: Worker,
  logits: usize,
  rowBytes: usize,
  labels: usize,
  weights: usize,
  results: usize,
  rows: i32,
  vocabSize: i32,
): void {
  const bytes = (<usize>vocabSize) << 2;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = <usize>begin, end = <usize>(begin + me.held); t < end; t++) {
      const row = logits + t * rowBytes;
      const label = load<i32>(labels + (t << 2));
      const weight = weights == 0 ? <f32>0 : load<f32>(weights + (t << 2));
      rowLoss(row, bytes, label, weights != 0, weight, results + t * 24, me.panels);
    }
  }
  arrive(me);
}

/** @param scratch 3 KB */
function rowLoss(
  row: usize,
  bytes: usize,
  label: i32,
  hasGradient: bool,
  weight: f32,
  result: usize,
  scratch: usize,
): void {
  if (label == IGNORED) {
    if (hasGradient) memory.fill(row, 0, bytes);
    memory.fill(result, 0, 24);
    return;
  }
  const whole = bytes & ~15;
  const max = largest(row, bytes);
  const max4 = f32x4.splat(max);
  let sum: f64 = 0;
  let weighted: f64 = 0;
  let i: usize = 0;
  while (i < whole) {
    const end = min(i + LOSS_RUN, whole);
    let sums = f32x4.splat(0);
    let weightedSums = sums;
    const powers = scratch + 2 * LOSS_RUN;
    exponentials(powers, row + i, end - i, 1, max, scratch);
    for (let at = powers; i < end; i += 16, at += 16) {
      const below = f32x4.sub(v128.load(row + i), max4);
      const e = v128.load(at);
      sums = f32x4.add(sums, e);
      weightedSums = f32x4.add(weightedSums, f32x4.mul(e, below));
    }
    sum += <f64>sumLanes(sums);
    weighted += <f64>sumLanes(weightedSums);
  }
  for (; i < bytes; i += 4) {
    const below = load<f32>(row + i) - max;
    const e = exp1(below);
    sum += <f64>e;
    weighted += <f64>(e * below);
  }
  const at = row + ((<usize>label) << 2);
  const logit = load<f32>(at);
  const logSum = log(sum);
  store<f64>(result, <f64>max + logSum - <f64>logit);
  store<f64>(result, logit == max ? 1 : 0, 8);
  store<f64>(result, logSum - weighted / sum, 16);
  if (!hasGradient) return;
  toGradient(row, bytes, <f32>(<f64>max + logSum), weight, scratch);
  store<f32>(at, load<f32>(at) - weight);
}

/** Four maxima side by side: one waits for itself at every step. */
export function largest(row: usize, bytes: usize): f32 {
  let max0 = f32x4.splat(load<f32>(row));
  let max1 = max0;
  let max2 = max0;
  let max3 = max0;
  let i: usize = 0;
  for (; i + 64 <= bytes; i += 64) {
    max0 = f32x4.pmax(max0, v128.load(row + i));
    max1 = f32x4.pmax(max1, v128.load(row + i, 16));
    max2 = f32x4.pmax(max2, v128.load(row + i, 32));
    max3 = f32x4.pmax(max3, v128.load(row + i, 48));
  }
  let max = maxLanes(f32x4.pmax(f32x4.pmax(max0, max1), f32x4.pmax(max2, max3)));
  for (; i < bytes; i += 4) {
    const value = load<f32>(row + i);
    if (value > max) max = value;
  }
  return max;
}

function toGradient(row: usize, bytes: usize, logSum: f32, weight: f32, scratch: usize): void {
  const whole = bytes & ~15;
  const weight4 = f32x4.splat(weight);
  let i: usize = 0;
  exponentials(row, row, whole, 1, logSum, scratch);
  for (; i < whole; i += 16) v128.store(row + i, f32x4.mul(v128.load(row + i), weight4));
  for (; i < bytes; i += 4) store<f32>(row + i, exp1(load<f32>(row + i) - logSum) * weight);
}
