// The stage `score`: what a trained scorer thinks of a text goes into its metadata; what is below a threshold goes.
// There may be a scorer for each language, as Stack-Edu has them.

import { type Resources, type StageKind, withMetadata } from '../stage.ts';
import { decodeScorer, type NgramScorer, scoreText } from './scorer-file.ts';
import { intScore } from './validate.ts';

const DEFAULTS = {
  scorer: null,
  /** `Python:scorers/python.json`: for documents whose `by` is Python, in place of `scorer`. */
  scorers: [] as string[],
  by: 'language',
  /** Of the rounded score for ridge, of the probability for logistic; null keeps everything. */
  min: 3 as number | null,
};

export const scoreStage: StageKind = {
  name: 'score',
  summary: 'Adds score and int_score by a scorer of smollm2 score train; removes texts below min',
  options: DEFAULTS,
  create: async (options, resources) => {
    const { scorer: path, scorers: named, by, min } = options as typeof DEFAULTS;
    if (path === null && named.length === 0)
      throw new RangeError('score.scorer: expected a file of smollm2 score train, got none');
    const common = path === null ? undefined : await readScorer(String(path), resources);
    const scorers = new Map<string, NgramScorer>();
    for (const text of named) {
      const colon = text.indexOf(':');
      if (colon <= 0 || colon === text.length - 1)
        throw new RangeError(`score.scorers: expected NAME:FILE such as Python:python.json, got ${text}`);
      scorers.set(text.slice(0, colon), await readScorer(text.slice(colon + 1), resources));
    }
    return {
      name: 'score',
      apply: (doc) => {
        const scorer = scorers.get(String(doc.metadata[by])) ?? common;
        if (!scorer) return { removed: 'no_scorer', because: `${by} is ${doc.metadata[by]}` };
        const score = scoreText(scorer, doc.text);
        const judged = scorer.model.loss === 'ridge' ? intScore(score) : score;
        if (min !== null && judged < min) return { removed: 'low_score', because: score.toFixed(3) };
        return withMetadata(doc, { score, int_score: intScore(score) });
      },
    };
  },
};

async function readScorer(path: string, resources: Resources): Promise<NgramScorer> {
  const scorer = decodeScorer(new TextDecoder().decode(await resources.readBytes(path)), path);
  if ('ngrams' in scorer) return scorer;
  // A stage is pure and done at once; a model is neither.
  throw new RangeError(
    `score.scorer: expected a scorer of character runs, got one of hidden states (${path}); run smollm2 score apply ` +
      '--documents first, and the stage threshold on its scores',
  );
}
