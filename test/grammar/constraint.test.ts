// Answers of every length: whole, or cut by the length, and never without a token that may be drawn.

import { expect, it } from 'vitest';
import { compileSchema, type Grammar, type Json } from '../../src/grammar/grammar.ts';
import { END, textOf, tinyVocabulary } from '../support/tiny-vocabulary.ts';

const one = (schema: object) => ({ type: 'object', ...schema, additionalProperties: false }) as Json;
const schemas: Json[] = [
  one({
    properties: { __proto__x: { const: 1 }, abcdefghijk: { const: 2 } },
    required: ['abcdefghijk'],
  }),
  one({ properties: { a: { enum: ['circle', 'rue'] }, abc: {} }, required: ['abc'] }),
  { type: 'array', items: { type: 'string', minLength: 3 }, minItems: 2 },
];

/** An answer whose tokens are the likeliest of scores that a seed gives. */
function answerOf(grammar: Grammar, maxTokens: number, seed: number): { text: string; isWhole: boolean } {
  const constraint = grammar.constraint({ maxTokens });
  const ids: number[] = [];
  for (let random = seed; ids.length < maxTokens; ) {
    const scores = Float64Array.from({ length: tinyVocabulary.vocabSize }, () => {
      random = (random * 48271) % 2147483647;
      return random;
    });
    constraint.mask(scores);
    const best = scores.reduce((most, score, id) => (score > scores[most] ? id : most), 0);
    expect(scores[best]).toBeGreaterThan(0);
    constraint.accept(best);
    if (best === END) return { text: textOf(ids), isWhole: true };
    ids.push(best);
  }
  return { text: textOf(ids), isWhole: false };
}

it.each(schemas)('ends or is cut within 1 to 60 tokens: %j', (schema) => {
  const grammar = compileSchema(schema, tinyVocabulary);
  for (let maxTokens = 1; maxTokens <= 60; maxTokens++) {
    for (const seed of [1, 2]) {
      const { text, isWhole } = answerOf(grammar, maxTokens, seed);
      if (isWhole || maxTokens > 40) JSON.parse(text);
    }
  }
});
