// The head of a scorer from labelled rows: which features and which penalty, by cross-validation over fixed folds; and
// what the chosen one gets right and wrong, by scores of texts that it had not seen.

import type { Features } from './features.ts';
import { fitLinear, type LinearModel, type LossName } from './linear.ts';
import { MAX_ROWS, rowSpace } from './row-space.ts';
import {
  areaUnderCurve,
  atThreshold,
  type CalibrationBin,
  calibration,
  confusion,
  crossValidated,
  foldsOf,
  intScore,
  type ThresholdRow,
} from './validate.ts';

const NUM_FOLDS = 5;

/** One way to look at all the texts. */
export interface FeatureSet {
  /** `n-grams`, `layer 19`, …: for the report. */
  readonly name: string;
  readonly rows: readonly Features[];
  readonly numFeatures: number;
}

export interface ChoiceOptions {
  /** Default: logistic where all labels are 0 or 1, else ridge. */
  readonly loss?: LossName;
  readonly numFolds?: number;
  readonly penalties: readonly number[];
}

/** What was tried: the area under the curve decides for yes and no, the squared error for scores. */
export interface Trial {
  readonly features: string;
  readonly penalty: number;
  readonly areaUnderCurve: number;
  readonly squaredError: number;
}

export interface ScorerReport {
  readonly loss: LossName;
  readonly numTexts: number;
  readonly numFolds: number;
  readonly tried: readonly Trial[];
  /** The best of those tried. */
  readonly features: string;
  readonly penalty: number;
  readonly thresholds: readonly ThresholdRow[];
  /** Rows by label, columns by score; for scores of 0 to 5. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly calibration: readonly CalibrationBin[];
}

/**
 * @returns the model of the best set and penalty, fitted on all texts, and which set that was
 * @throws RangeError for fewer than two texts a fold, or labels that are all the same
 */
export function chooseHead(
  sets: readonly FeatureSet[],
  labels: readonly number[],
  { loss, numFolds = NUM_FOLDS, penalties }: ChoiceOptions,
): { model: LinearModel; set: FeatureSet; report: ScorerReport } {
  checkLabels(labels, numFolds);
  const isYesOrNo = labels.every((label) => label === 0 || label === 1);
  const chosenLoss = loss ?? (isYesOrNo ? 'logistic' : 'ridge');
  if (chosenLoss === 'logistic' && !isYesOrNo)
    throw new RangeError('labels: expected 0 or 1 for logistic, got others');
  const folds = foldsOf(labels.length, numFolds);
  const isGood = labels.map((label) => label >= (isYesOrNo ? 0.5 : 3));
  const tried = sets.flatMap((set) => {
    const short = shortened(set);
    return penalties.map((penalty) => {
      const options = { loss: chosenLoss, penalty, numFeatures: short.numFeatures };
      const scores = crossValidated(short.rows, labels, folds, options);
      const squaredError =
        labels.reduce((sum, label, i) => sum + (label - scores[i]) ** 2, 0) / labels.length;
      const area = areaUnderCurve(scores, isGood);
      return { set, short, options, scores, areaUnderCurve: area, squaredError };
    });
  });
  const best = tried.reduce((a, b) =>
    (isYesOrNo ? b.areaUnderCurve > a.areaUnderCurve : b.squaredError < a.squaredError) ? b : a,
  );
  // Pages are kept by their rounded points.
  const judged = isYesOrNo ? best.scores : best.scores.map(intScore);
  const thresholds = isYesOrNo ? [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] : [1, 2, 3, 4, 5];
  return {
    model: best.short.back(fitLinear(best.short.rows, labels, best.options)),
    set: best.set,
    report: {
      loss: chosenLoss,
      numTexts: labels.length,
      numFolds,
      tried: tried.map(({ set, options, areaUnderCurve: area, squaredError }) => {
        return { features: set.name, penalty: options.penalty, areaUnderCurve: area, squaredError };
      }),
      features: best.set.name,
      penalty: best.options.penalty,
      thresholds: thresholds.map((threshold) => atThreshold(judged, labels, threshold)),
      confusion: isYesOrNo ? null : confusion(best.scores, labels),
      calibration: calibration(best.scores, labels),
    },
  };
}

/** @throws RangeError for fewer than two texts a fold, or labels that are all the same */
export function checkLabels(labels: readonly number[], numFolds = NUM_FOLDS): void {
  if (labels.length >= 2 * numFolds && new Set(labels).size >= 2) return;
  const got = labels.length < 2 * numFolds ? `${labels.length}` : `${labels[0]} for all`;
  throw new RangeError(`labels: expected at least ${2 * numFolds} texts with different labels, got ${got}`);
}

/** In the space of the rows, where there are fewer of them than places: the same answer, sooner. */
function shortened({ rows, numFeatures }: FeatureSet) {
  if (rows.length > MAX_ROWS || rows.length >= numFeatures)
    return { rows, numFeatures, back: (model: LinearModel) => model };
  return { ...rowSpace(rows, numFeatures), numFeatures: rows.length };
}
