import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GrammarError, load, type SmolLM2 } from '../../src/node/index.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let folder: string;
let smol: SmolLM2;
beforeAll(async () => {
  folder = makeTinyFolder();
  smol = await load(folder, { engine: 'reference' });
});
afterAll(async () => {
  await smol.close();
  rmSync(folder, { recursive: true });
});

async function answer(options: Parameters<SmolLM2['generate']>[1]) {
  const tokens = smol.generate('Ships', options);
  let step = await tokens.next();
  while (!step.done) step = await tokens.next();
  return step.value;
}

/** The tiny vocabulary has no closing brace: a name and an age as an array. */
const person = {
  type: 'array',
  prefixItems: [{ type: 'string' }, { type: 'integer' }],
  items: false,
  minItems: 2,
};

describe('generate with a form', () => {
  it('answers with JSON of the schema, and ends before the tokens do', { tags: ['slow'] }, async () => {
    for (const maxTokens of [24, 30, 64]) {
      const { text, finishReason, usage } = await answer({ schema: person, maxTokens });
      expect(finishReason).toBe('stop');
      expect(usage.completionTokens).toBeLessThan(maxTokens);
      const [name, age] = JSON.parse(text) as [string, number];
      expect([typeof name, Number.isInteger(age)]).toEqual(['string', true]);
    }
  });

  it('answers in the form at any temperature', { tags: ['slow'] }, async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { text } = await answer({ schema: person, maxTokens: 60, temperature: 3, seed });
      expect(typeof (JSON.parse(text) as [string, number])[0]).toBe('string');
    }
  });

  it('matches a regular expression from beginning to end, and a grammar', async () => {
    expect((await answer({ regex: '(yes|no), [a-z]{3}', maxTokens: 20 })).text).toMatch(
      /^(yes|no), [a-z]{3}$/,
    );
    const grammar = 'root ::= "(" root ")" | [0-9]';
    expect((await answer({ grammar, maxTokens: 9 })).text).toMatch(/^\(*[0-9]\)*$/);
  });

  it('says where the form is wrong', async () => {
    await expect(answer({ schema: { items: { type: 'x' } } })).rejects.toMatchObject({
      name: 'GrammarError',
      pointer: '#/items/type',
      keyword: 'type',
    });
    await expect(answer({ regex: '(a' })).rejects.toThrow(GrammarError);
    await expect(answer({ grammar: 'root ::= x' })).rejects.toThrow(/line 1, column 10/);
    await expect(answer({ regex: 'a', grammar: 'root ::= "a"' })).rejects.toThrow(
      /expected one of schema, grammar, regex/,
    );
  });

  it('extracts a value, or says that the tokens do not suffice', async () => {
    expect(await smol.extract('Ann is 3.', { enum: ['a', 'b'] }, { maxTokens: 8 })).toMatch(/^[ab]$/);
    await expect(smol.extract('Ann is 3.', person, { maxTokens: 5 })).rejects.toThrow(/raise maxTokens/);
  });
});
