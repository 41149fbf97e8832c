// The words of a text as a stage, for those who want to see what the filters count. The text stays.

import { type StageKind, withMetadata } from '../stage.ts';
import { numSentences, words } from './words.ts';

export const wordsStage: StageKind = {
  name: 'words',
  summary: 'Adds the words that the filters count, and the number of sentences, to the metadata',
  options: {},
  create: () => ({
    name: 'words',
    apply: (doc) => withMetadata(doc, { words: words(doc.text), num_sentences: numSentences(doc.text) }),
  }),
};
