// Masks that a grammar has kept are those that it would compute anew.

import { expect } from 'vitest';
import { compileSchema, type Json } from '../../src/grammar/grammar.ts';
import { cut, tinyVocabulary } from '../support/tiny-vocabulary.ts';

/** The masks before each token of a text. */
function masks(schema: Json, ids: readonly number[], vocabulary: typeof tinyVocabulary): string[] {
  const matcher = compileSchema(schema, vocabulary).matcher();
  return ids.map((id) => {
    const mask = matcher.mask().join();
    expect(matcher.accept(id)).toBe(true);
    return mask;
  });
}

/** Two rounds over every valid text of a case, against a vocabulary in which nothing is kept yet. */
export function expectKeptMasks(one: { readonly schema: unknown; readonly valid: readonly string[] }): void {
  const schema = one.schema as Json;
  for (const text of one.valid) {
    const ids = cut(text, (numFitting) => numFitting - 1);
    // Another object has caches of its own.
    const cold = masks(schema, ids, { ...tinyVocabulary });
    const grammar = compileSchema(schema, tinyVocabulary);
    for (let round = 0; round < 2; round++) {
      const matcher = grammar.matcher();
      ids.forEach((id, n) => {
        expect(matcher.mask().join()).toBe(cold[n]);
        matcher.accept(id);
      });
    }
  }
}
