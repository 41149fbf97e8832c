// The stage `extract`: a web page becomes its text.

import type { StageKind } from '../stage.ts';
import { withText } from '../stage.ts';
import { extractText, MAX_PAGE_LENGTH } from './extract.ts';

export const extractStage: StageKind = {
  name: 'extract',
  summary: 'Turns web pages into Markdown with their mathematics as TeX; removes pages too large to be pages',
  options: {},
  create: () => ({
    name: 'extract',
    apply: (doc) => {
      if (doc.text.length > MAX_PAGE_LENGTH)
        return { removed: 'too_large', because: `${doc.text.length} characters` };
      try {
        return withText(doc, extractText(doc.text));
      } catch (error) {
        if (error instanceof RangeError) return { removed: 'too_many_elements', because: error.message };
        throw error;
      }
    },
  }),
};
