// Training a scorer from labelled texts: on character runs, or on hidden states that a model gave.

import { type ChoiceOptions, checkLabels, chooseHead, type FeatureSet, type ScorerReport } from './choose.ts';
import { denseFeatures, NGRAM_OPTIONS, type NgramOptions, ngramFeatures } from './features.ts';
import type { HiddenFeatures, HiddenScorer, NgramScorer } from './scorer-file.ts';
import { standardised } from './standardise.ts';

export interface LabelledText {
  readonly text: string;
  readonly label: number;
}

export interface TrainOptions extends Partial<ChoiceOptions> {
  readonly ngrams?: NgramOptions;
}

/** For rows of length 1. */
const NGRAM_PENALTIES = [0.01, 0.1, 1];
/** For hundreds of standardised places: rows are some twenty times as long. */
const HIDDEN_PENALTIES = [100, 1000, 10_000];

/** @throws RangeError for fewer than ten texts, or labels that are all the same */
export function trainScorer(
  texts: readonly LabelledText[],
  { ngrams = NGRAM_OPTIONS, penalties = NGRAM_PENALTIES, ...rest }: TrainOptions = {},
): { scorer: NgramScorer; report: ScorerReport } {
  const rows = texts.map(({ text }) => ngramFeatures(text, ngrams));
  const labels = texts.map(({ label }) => label);
  const sets = [{ name: 'n-grams', rows, numFeatures: 2 ** ngrams.bits }];
  const { model, report } = chooseHead(sets, labels, { ...rest, penalties });
  return { scorer: { ngrams, model }, report };
}

/** What a model's hidden states after so many blocks say of each text, [numTexts] of [hiddenSize]. */
export interface LayerMeans extends HiddenFeatures {
  readonly means: readonly ArrayLike<number>[];
}

/** The layer is chosen too. @throws RangeError as `trainScorer` */
export function trainHiddenScorer(
  layers: readonly LayerMeans[],
  labels: readonly number[],
  { penalties = HIDDEN_PENALTIES, ...rest }: Partial<ChoiceOptions> = {},
): { scorer: HiddenScorer; report: ScorerReport } {
  checkLabels(labels, rest.numFolds);
  const candidates = layers.map((one) => ({ one, scaled: standardised(one.means) }));
  const sets = candidates.map(
    ({ one, scaled }): FeatureSet => ({
      name: `layer ${one.layer}`,
      rows: scaled.rows.map(denseFeatures),
      numFeatures: one.means[0].length,
    }),
  );
  const { model, set, report } = chooseHead(sets, labels, { ...rest, penalties });
  const { one, scaled } = candidates[sets.indexOf(set)];
  const { means: _, ...hidden } = one;
  return { scorer: { hidden, model: scaled.back(model) }, report };
}
