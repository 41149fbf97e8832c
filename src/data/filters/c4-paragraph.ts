// mC4's rule (Xue et al. 2021, 3.1): three lines of 200 characters.

import type { StageKind } from '../stage.ts';
import { numCodePoints } from '../words/python-strings.ts';

const DEFAULTS = { minParagraphs: 3, minParagraphLen: 200 };

export const c4Paragraph: StageKind = {
  name: 'c4-paragraph',
  summary: 'Removes texts without three lines of at least 200 characters',
  options: DEFAULTS,
  create: (options) => {
    const { minParagraphs, minParagraphLen } = options as typeof DEFAULTS;
    return {
      name: 'c4-paragraph',
      apply: (doc) => {
        const lines = doc.text.split('\n');
        const long = lines.filter((line) => numCodePoints(line) >= minParagraphLen).length;
        if (long >= minParagraphs) return doc;
        return {
          removed: `< ${minParagraphs} paragraphs`,
          because: `${long} of ${lines.length} lines are long enough`,
        };
      },
    };
  },
};
