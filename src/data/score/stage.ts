// The stage `score`: what a trained scorer thinks of a text goes into its metadata; what is below a threshold goes.

import type { StageKind } from '../stage.ts';
import { withMetadata } from '../stage.ts';
import { decodeScorer, scoreText } from './scorer-file.ts';
import { intScore } from './validate.ts';

export const scoreStage: StageKind = {
  name: 'score',
  summary: 'Adds score and int_score by a scorer of smollm2 score train; removes texts below min',
  options: {
    scorer: null,
    /** Of the rounded score for ridge, of the probability for logistic; null keeps everything. */
    min: 3,
  },
  create: async ({ scorer: path, min }, resources) => {
    if (path === null) throw new RangeError('score.scorer: expected a file of smollm2 score train, got none');
    const scorer = decodeScorer(
      new TextDecoder().decode(await resources.readBytes(String(path))),
      String(path),
    );
    return {
      name: 'score',
      apply: (doc) => {
        const score = scoreText(scorer, doc.text);
        const judged = scorer.model.loss === 'ridge' ? intScore(score) : score;
        if (min !== null && judged < Number(min)) return { removed: 'low_score', because: score.toFixed(3) };
        return withMetadata(doc, { score, int_score: intScore(score) });
      },
    };
  },
};
