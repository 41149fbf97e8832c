// The stage `token-count`: how many ids a tokenizer makes of a text, as `token_count` (FineMath's name), so that
// `smollm2 mix` can take rates as shares of tokens. The id that ends a document is not counted.

import { FormatError } from '../base/errors.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type StageKind, withMetadata } from './stage.ts';

export const tokenCount: StageKind = {
  name: 'token-count',
  summary: 'Adds token_count by a tokenizer.json; removes nothing',
  options: { tokenizer: null },
  create: async ({ tokenizer: path }, resources) => {
    if (path === null) throw new RangeError('token-count.tokenizer: expected a tokenizer.json, got none');
    const file = String(path);
    const text = new TextDecoder().decode(await resources.readBytes(file));
    const tokenizer = Tokenizer.from({ kind: 'json', tokenizer: parsed(text, file), file });
    return {
      name: 'token-count',
      apply: (doc) => {
        // What looks like a special token in a document is text, as in `smollm2 tokenize-corpus`.
        const ids = tokenizer.encode(doc.text, { special: false, addBos: false });
        return withMetadata(doc, { token_count: ids.length });
      },
    };
  },
};

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`expected JSON: ${(error as Error).message}`, { file });
  }
}
