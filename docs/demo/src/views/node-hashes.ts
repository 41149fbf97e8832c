// sha256 of logits as Node computed them when first-view.json was made (make-first-view.mjs), for the first sentence.

import { FRANCE, type State } from '../state.ts';
import hashes from '../text/node-hashes.json';

export function nodeHashes({ model, prompt, chat, answer, edits }: State): readonly string[] | undefined {
  if (prompt !== FRANCE || chat || answer.length > 0 || edits.length > 0 || model === 'stored')
    return undefined;
  return hashes[model];
}
