// The development schemas of ../shared: no invalid text allowed, few valid ones refused, few schemas refused.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compileSchema, GrammarError, type Json } from '../../src/grammar/grammar.ts';
import { cut, END, tinyVocabulary } from '../support/tiny-vocabulary.ts';
import { sharedFile } from './shared.ts';

interface Entry {
  readonly id: string;
  readonly schema: Json;
  readonly instances: readonly { readonly text: string; readonly valid: boolean }[];
}

it('accepts no invalid text of 199 schemas, refuses at most 1 % of the valid ones and 10 % of the schemas', () => {
  const entries = JSON.parse(readFileSync(sharedFile('server/schemas/schemas.json'), 'utf8')) as Entry[];
  const refused: string[] = [];
  const wronglyRefused: string[] = [];
  const wronglyAllowed: string[] = [];
  let numValid = 0;
  for (const { id, schema, instances } of entries) {
    try {
      const grammar = compileSchema(schema, tinyVocabulary);
      for (const { text, valid } of instances) {
        const matcher = grammar.matcher();
        const isAllowed = [...cut(text, (n) => n - 1), END].every((token) => matcher.accept(token));
        if (valid) numValid++;
        if (valid && !isAllowed) wronglyRefused.push(`${id}: ${text}`);
        if (!valid && isAllowed) wronglyAllowed.push(`${id}: ${text}`);
      }
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      refused.push(error.message);
    }
  }
  expect(wronglyAllowed).toEqual([]);
  expect(wronglyRefused.length).toBeLessThanOrEqual(numValid / 100);
  expect(refused.length).toBeLessThanOrEqual(entries.length / 10);
}, 300_000);
