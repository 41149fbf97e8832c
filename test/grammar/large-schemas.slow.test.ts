import { describe, expect, it } from 'vitest';
import { compileSchema, GrammarError, type Json } from '../../src/grammar/grammar.ts';
import { tinyVocabulary } from '../support/tiny-vocabulary.ts';

const schema = (json: unknown) => compileSchema(json as Json, tinyVocabulary);

describe('compileSchema', () => {
  it('refuses documents that are too large before it reads them', () => {
    expect(() => schema({ enum: Array.from({ length: 300_000 }, (_, i) => i) })).toThrow(
      /at most 200000 members/,
    );
    expect(() => compileSchema(`{"title":"${'x'.repeat(2 ** 20)}"}`, tinyVocabulary)).toThrow(
      /at most 1048576/,
    );
    const wide = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`p${i}`, { const: i }]));
    expect(() => schema({ properties: wide })).toThrow(GrammarError);
  });

  it('allows 20,000 constants', () => {
    const words = Array.from({ length: 20_000 }, (_, i) => `word${i}`);
    const matcher = schema({ enum: words }).matcher();
    expect(matcher.acceptBytes(new TextEncoder().encode('"word19999"'))).toBe(true);
    expect(matcher.isComplete).toBe(true);
  });
});
