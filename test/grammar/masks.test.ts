import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compileSchema, type Json } from '../../src/grammar/grammar.ts';
import { cut, tinyVocabulary } from '../support/tiny-vocabulary.ts';
import { SCHEMA_CASES, TESTED_KEYWORDS } from './schema-cases.ts';
import { SCHEMA_CASES_2020 } from './schema-cases-2020.ts';

/** The masks before each token of a text. */
function masks(schema: Json, ids: readonly number[], vocabulary: typeof tinyVocabulary): string[] {
  const matcher = compileSchema(schema, vocabulary).matcher();
  return ids.map((id) => {
    const mask = matcher.mask().join();
    expect(matcher.accept(id)).toBe(true);
    return mask;
  });
}

const COUNTED = {
  name: 'places that differ in a count only',
  schema: { type: 'array', items: { type: 'object', maxProperties: 2 }, maxItems: 2 },
  valid: ['[{},{}]', '[{"a":1,"b":1},{"a":1,"c":1}]'],
};

it.each([...SCHEMA_CASES, ...SCHEMA_CASES_2020, COUNTED])('gives kept masks as new ones: $name', (one) => {
  const schema = one.schema as Json;
  for (const text of one.valid) {
    const ids = cut(text, (numFitting) => numFitting - 1);
    // Another object has caches of its own, in which nothing is kept yet.
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
});

it('publishes no keyword that has no case', () => {
  const guide = readFileSync(new URL('../../docs/guides/structured-output.md', import.meta.url), 'utf8');
  const table = guide.slice(
    guide.indexOf('## What is enforced'),
    guide.indexOf('Everything else in a schema'),
  );
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| about'));
  const published = rows.flatMap((row) => [...row.matchAll(/`([$a-zA-Z]+)`/g)].map((match) => match[1]));
  expect(published.length).toBeGreaterThan(40);
  const values = new Set(['true', 'false']);
  expect(published.filter((word) => !values.has(word) && !TESTED_KEYWORDS.has(word))).toEqual([]);
});
