// Which language a text is in, by ELD (character n-grams of 60 languages). FineWeb asks fastText's lid.176, whose
// weights are 126 MB and not ours to ship; scores are of another kind, so the threshold is another too: 293 of 293
// English pages score above 0.6, and single words of any language reach 0.8 (docs/data/language.md).

import { UnsupportedError } from '../../base/errors.ts';
import { type Stage, type StageKind, withMetadata } from '../../data/stage.ts';

const DEFAULTS = {
  /** Languages that stay, as ISO 639-1; none given: all that score enough. */
  languages: ['en'],
  languageThreshold: 0.5,
  /** Only write `language` and `language_score`. */
  labelOnly: false,
};
type Options = typeof DEFAULTS;

/** A page's language shows in its first characters, in UTF-16 units. */
const READ_LENGTH = 8000;

export const languageFilter: StageKind = {
  name: 'language',
  summary: 'Names the language and removes texts of others, or that are hardly of any',
  options: DEFAULTS,
  create: async (options) => create(options as Options),
};

async function create({ languages, languageThreshold, labelOnly }: Options): Promise<Stage> {
  const { eld } = await import('eld/small').catch(() => {
    throw new UnsupportedError('language: expected the package eld, got none; npm install eld');
  });
  return {
    name: 'language',
    apply: (doc) => {
      const found = eld.detect(doc.text.slice(0, READ_LENGTH));
      const scores = found.getScores();
      const score = scores[found.language] ?? 0;
      const labelled = withMetadata(doc, { language: found.language || 'unknown', language_score: score });
      if (labelOnly) return labelled;
      const isKept =
        languages.length > 0
          ? languages.includes(found.language) && score > languageThreshold
          : score > languageThreshold;
      if (isKept) return labelled;
      const because = `${found.language || 'none'} ${score.toFixed(2)}`;
      return { removed: 'language', because };
    },
  };
}
