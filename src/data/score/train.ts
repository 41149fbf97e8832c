// Training a scorer from labelled texts: the penalty is chosen by cross-validation, and what the chosen one gets right
// and wrong is told.

import { NGRAM_OPTIONS, type NgramOptions } from './features.ts';
import { fitLinear, type LossName } from './linear.ts';
import { MAX_ROWS, rowSpace } from './row-space.ts';
import { featuresOf, type Scorer } from './scorer-file.ts';
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

export interface LabelledText {
  readonly text: string;
  readonly label: number;
}

export interface TrainOptions {
  readonly loss?: LossName;
  readonly numFolds?: number;
  readonly penalties?: readonly number[];
  readonly ngrams?: NgramOptions;
}

export interface ScorerReport {
  readonly loss: LossName;
  readonly numTexts: number;
  /** Of each penalty that was tried: area under the curve for yes and no, mean squared error for scores. */
  readonly tried: readonly {
    readonly penalty: number;
    readonly areaUnderCurve: number;
    readonly squaredError: number;
  }[];
  readonly penalty: number;
  readonly thresholds: readonly ThresholdRow[];
  /** Rows by label, columns by score; for scores of 0 to 5. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly calibration: readonly CalibrationBin[];
}

const PENALTIES = [0.01, 0.1, 1];

/** @throws RangeError for fewer than ten texts, or labels that are all the same */
export function trainScorer(
  texts: readonly LabelledText[],
  { loss, numFolds = 5, penalties = PENALTIES, ngrams = NGRAM_OPTIONS }: TrainOptions = {},
): { scorer: Scorer; report: ScorerReport } {
  const labels = texts.map(({ label }) => label);
  if (texts.length < 2 * numFolds || new Set(labels).size < 2)
    throw new RangeError(
      `labels: expected at least ${2 * numFolds} texts with different labels, got ${texts.length}`,
    );
  const isYesOrNo = labels.every((label) => label === 0 || label === 1);
  const chosenLoss = loss ?? (isYesOrNo ? 'logistic' : 'ridge');
  if (chosenLoss === 'logistic' && !isYesOrNo)
    throw new RangeError('labels: expected 0 or 1 for logistic, got others');
  const long = featuresOf(
    texts.map(({ text }) => text),
    ngrams,
  );
  // Fits in the space of the rows, where there are fewer of them than places: the same answer, sooner.
  const space = long.length <= MAX_ROWS ? rowSpace(long, 2 ** ngrams.bits) : undefined;
  const rows = space?.rows ?? long;
  const numFeatures = space ? long.length : 2 ** ngrams.bits;
  const folds = foldsOf(texts.length, numFolds);
  const middle = isYesOrNo ? 0.5 : 3;
  const tried = penalties.map((penalty) => {
    const scores = crossValidated(rows, labels, folds, {
      loss: chosenLoss,
      penalty,
      numFeatures,
    });
    const squaredError = labels.reduce((sum, label, i) => sum + (label - scores[i]) ** 2, 0) / labels.length;
    const isGood = labels.map((label) => label >= middle);
    return { penalty, scores, areaUnderCurve: areaUnderCurve(scores, isGood), squaredError };
  });
  const best = tried.reduce((a, b) =>
    (isYesOrNo ? b.areaUnderCurve > a.areaUnderCurve : b.squaredError < a.squaredError) ? b : a,
  );
  const fitted = fitLinear(rows, labels, { loss: chosenLoss, penalty: best.penalty, numFeatures });
  const model = space ? space.back(fitted) : fitted;
  // Pages are kept by their rounded points.
  const judged = isYesOrNo ? best.scores : best.scores.map(intScore);
  const thresholds = isYesOrNo ? [0.5] : [1, 2, 3, 4, 5];
  return {
    scorer: { ngrams, model },
    report: {
      loss: chosenLoss,
      numTexts: texts.length,
      tried: tried.map(({ scores: _, ...row }) => row),
      penalty: best.penalty,
      thresholds: thresholds.map((threshold) => atThreshold(judged, labels, threshold)),
      confusion: isYesOrNo ? null : confusion(best.scores, labels),
      calibration: calibration(best.scores, labels),
    },
  };
}

/** The report for people. */
export function scorerReportText(report: ScorerReport): string {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
    [row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)].join('\n');
  const parts = [
    `${report.numTexts} texts, ${report.loss}; cross-validated:`,
    table(
      ['penalty', 'AUC', 'squared error'],
      report.tried.map((one) => [one.penalty, one.areaUnderCurve.toFixed(4), one.squaredError.toFixed(4)]),
    ),
    `penalty ${report.penalty} is taken:`,
    table(
      ['threshold', 'macro F1', 'precision', 'recall', 'kept'],
      report.thresholds.map((one) => [
        one.threshold,
        ...[one.macroF1, one.precision, one.recall, one.kept].map((value) => value.toFixed(3)),
      ]),
    ),
  ];
  if (report.confusion) {
    const rows = report.confusion.map((counts, label) => [label, ...counts]);
    parts.push('label by rounded score:', table(['label', '0', '1', '2', '3', '4', '5'], rows));
  }
  const bins = report.calibration.map((bin) => [
    bin.meanScore.toFixed(3),
    bin.meanLabel.toFixed(3),
    bin.count,
  ]);
  parts.push('calibration:', table(['mean score', 'mean label', 'texts'], bins));
  return `${parts.join('\n\n')}\n`;
}
