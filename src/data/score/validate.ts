// How good a scorer is: cross-validation with fixed folds, area under the curve, F1 and confusion by threshold,
// calibration.

import type { Features } from './features.ts';
import { fitLinear, type LinearOptions, predict } from './linear.ts';

/** Which fold a text is in: by its place, so that the folds are the same in every run and program. */
export function foldsOf(count: number, numFolds: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i % numFolds);
}

/** Each text's score by a model that has not seen it. */
export function crossValidated(
  rows: readonly Features[],
  labels: readonly number[],
  folds: Int32Array,
  options: LinearOptions,
): Float64Array {
  const scores = new Float64Array(rows.length);
  const numFolds = Math.max(...folds) + 1;
  for (let fold = 0; fold < numFolds; fold++) {
    const seen = [...rows.keys()].filter((i) => folds[i] !== fold);
    const model = fitLinear(
      seen.map((i) => rows[i]),
      seen.map((i) => labels[i]),
      options,
    );
    for (const i of rows.keys()) if (folds[i] === fold) scores[i] = predict(model, rows[i]);
  }
  return scores;
}

/** Probability that a text of class 1 has a higher score than one of class 0; ties count half. */
export function areaUnderCurve(scores: ArrayLike<number>, isPositive: readonly boolean[]): number {
  const order = [...isPositive.keys()].sort((i, j) => scores[i] - scores[j]);
  const numPositive = isPositive.filter(Boolean).length;
  let rankSum = 0;
  for (let begin = 0; begin < order.length; ) {
    let end = begin;
    while (end < order.length && scores[order[end]] === scores[order[begin]]) end++;
    // Equal scores share the mean of their ranks, which count from 1.
    for (let k = begin; k < end; k++) if (isPositive[order[k]]) rankSum += (begin + 1 + end) / 2;
    begin = end;
  }
  const numNegative = isPositive.length - numPositive;
  return (rankSum - (numPositive * (numPositive + 1)) / 2) / (numPositive * numNegative);
}

/** 0 to 5, a half to the even neighbour: Python's `round(clip(score, 0, 5))`. */
export function intScore(score: number): number {
  const clipped = Math.min(5, Math.max(0, score));
  const below = Math.floor(clipped);
  const rest = clipped - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

export interface ThresholdRow {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
  readonly precision: number;
  readonly recall: number;
  /** Mean of the F1 of both classes. */
  readonly macroF1: number;
  /** Part of all texts that would stay. */
  readonly kept: number;
}

/** Texts at or above the threshold stay; so are those whose label is. */
export function atThreshold(
  scores: ArrayLike<number>,
  labels: readonly number[],
  threshold: number,
): ThresholdRow {
  const count = (isKept: boolean, isGood: boolean) =>
    labels.filter((label, i) => scores[i] >= threshold === isKept && label >= threshold === isGood).length;
  const [truePositives, falsePositives] = [count(true, true), count(true, false)];
  const [falseNegatives, trueNegatives] = [count(false, true), count(false, false)];
  const f1 = (hits: number, misses: number) => (hits === 0 ? 0 : (2 * hits) / (2 * hits + misses));
  const misses = falsePositives + falseNegatives;
  return {
    threshold,
    truePositives,
    falsePositives,
    falseNegatives,
    trueNegatives,
    precision: truePositives / Math.max(1, truePositives + falsePositives),
    recall: truePositives / Math.max(1, truePositives + falseNegatives),
    macroF1: (f1(truePositives, misses) + f1(trueNegatives, misses)) / 2,
    kept: (truePositives + falsePositives) / Math.max(1, labels.length),
  };
}

/** [6, 6]: rows by label, columns by score. */
export function confusion(scores: ArrayLike<number>, labels: readonly number[]): number[][] {
  const table = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
  for (const [i, label] of labels.entries()) table[intScore(label)][intScore(scores[i])]++;
  return table;
}

export interface CalibrationBin {
  readonly meanScore: number;
  readonly meanLabel: number;
  readonly count: number;
}

/** Texts in order of their scores, in groups of equal size: what was predicted beside what was so. */
export function calibration(
  scores: ArrayLike<number>,
  labels: readonly number[],
  numBins = 10,
): CalibrationBin[] {
  const order = [...labels.keys()].sort((i, j) => scores[i] - scores[j]);
  const bins: CalibrationBin[] = [];
  for (let bin = 0; bin < numBins; bin++) {
    const members = order.slice(
      Math.floor((bin * order.length) / numBins),
      Math.floor(((bin + 1) * order.length) / numBins),
    );
    if (members.length === 0) continue;
    const mean = (value: (i: number) => number) =>
      members.reduce((sum, i) => sum + value(i), 0) / members.length;
    bins.push({
      meanScore: mean((i) => scores[i]),
      meanLabel: mean((i) => labels[i]),
      count: members.length,
    });
  }
  return bins;
}
