// The stage `exact-dedup`: of documents with the same text, or the same value of another field, one stays.

import { simplify } from '../simplify.ts';
import type { StageKind, TextDocument } from '../stage.ts';

export const exactDedup: StageKind = {
  name: 'exact-dedup',
  summary: 'Removes all but one of the documents with equal text (or normal form, or a field such as url)',
  options: { by: 'text' },
  create: ({ by }) => {
    const keys = (doc: TextDocument) => {
      const value =
        by === 'text' ? doc.text : by === 'simplified' ? simplify(doc.text) : doc.metadata[String(by)];
      // What has no such field is nobody's duplicate.
      return typeof value === 'string' && value !== '' ? [value] : [];
    };
    return {
      name: 'exact-dedup',
      grouping: 'first',
      keys,
      decide: (doc, isTaken) => (keys(doc).some(isTaken) ? { removed: 'duplicate' } : doc),
    };
  },
};
