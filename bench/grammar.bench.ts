// Grammars over the whole vocabulary: compiling a schema, the mask of each token of a text under it.

import { readGguf } from '../src/format/gguf.ts';
import { compileSchema, type Json } from '../src/grammar/grammar.ts';
import { fileSource } from '../src/node/file-source.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import type { BenchContext } from './context.ts';
import { sample } from './measure.ts';

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    email: { type: 'string', format: 'email' },
    tags: { type: 'array', items: { enum: ['a', 'b', 'c'] }, uniqueItems: true },
    age: { type: 'integer', minimum: 0, maximum: 150 },
  },
  required: ['name', 'age'],
  additionalProperties: false,
};
const CASES: readonly [name: string, schema: Json, text: string][] = [
  ['person', person, '{"name": "Anna Example", "email": "anna@example.com", "tags": ["a", "c"], "age": 34}'],
  ['any JSON', true, '{"a": [1, {"b": "some words in a string"}], "c": null}'],
];

export async function grammar({ add, weights }: BenchContext): Promise<void> {
  const checkpoint = await readGguf(await fileSource(weights.path));
  const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
  await checkpoint.close();
  for (const [name, schema, text] of CASES) {
    const ids = tokenizer.encode(text);
    const compiling = await sample(() => compileSchema(schema, tokenizer));
    add({
      name: 'compile',
      shape: name,
      ...compiling,
      rate: 1e3 / compiling.medianMs,
      unit: 'schemas/s',
      checksum: '',
    });
    const grammar = compileSchema(schema, tokenizer);
    let allowed = 0;
    const masks = await sample(() => {
      const matcher = grammar.matcher();
      const mask = matcher.newMask();
      allowed = 0;
      for (const id of ids) {
        allowed += matcher.mask(mask).reduce((sum, word) => sum + (word % 2), 0);
        if (!matcher.accept(id)) throw new Error(`${name}: expected id ${id} to be allowed`);
      }
    });
    const rate = (ids.length * 1e3) / masks.medianMs;
    add({
      name: `${ids.length} masks`,
      shape: name,
      ...masks,
      rate,
      unit: 'masks/s',
      checksum: `${allowed}`,
    });
  }
}
