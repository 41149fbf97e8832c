import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compileEbnf, compileSchema, type TokenBytes } from '../../src/grammar/grammar.ts';
import { GrowingSets } from '../../src/grammar/words.ts';
import { expectKeptMasks } from './kept-masks.ts';
import { TESTED_KEYWORDS } from './schema-cases.ts';

const COUNTED = {
  name: 'places that differ in a count only',
  schema: { type: 'array', items: { type: 'object', maxProperties: 2 }, maxItems: 2 },
  valid: ['[{},{}]', '[{"a":1,"b":1},{"a":1,"c":1}]'],
};

it('gives kept masks as new ones: places that differ in a count only (all cases: masks.slow.test.ts)', {
  tags: ['slow'],
}, () => {
  expectKeptMasks(COUNTED);
});

it('takes a list of ids for no mask whose words are the same numbers', () => {
  // Ids 1 to 26 are the letters. One id is kept as a list, [6]; ids 1 and 2 as a word, 2 + 4.
  const letters: TokenBytes = {
    vocabSize: 27,
    eosIds: [0],
    tokenBytes: (id) => Uint8Array.of(0x60 + id),
    isSpecial: (id) => id === 0,
  };
  const grammars = ['root ::= "f"', 'root ::= "a" | "b"'].map((rules) => compileEbnf(rules, letters));
  const masks = () => grammars.map((grammar) => [...grammar.matcher().mask()]);
  expect([masks(), masks()]).toEqual([
    [[64], [6]],
    [[64], [6]],
  ]);
});

it('remembers a thousand sets of names, and no more nodes than fit', () => {
  const sets = new GrowingSets();
  const name = (i: number) => new TextEncoder().encode(`name ${i}`);
  const grow = () => Array.from({ length: 1000 }, (_, i) => sets.with(undefined, name(i)));
  const first = grow();
  expect(grow().every((set, i) => set === first[i])).toBe(true);
  for (let i = 0; i < 40; i++) sets.with(undefined, new Uint8Array(1000).fill(i));
  expect(sets.with(undefined, name(0))).not.toBe(first[0]);
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

/** Tokens of one byte each, further ones, and an end. */
function vocabulary(...further: readonly string[]): TokenBytes {
  const tokens = [
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...further.map((text) => new TextEncoder().encode(text)),
  ];
  return {
    vocabSize: tokens.length + 1,
    eosIds: [tokens.length],
    tokenBytes: (id) => tokens[id] ?? new Uint8Array(0),
    isSpecial: (id) => id === tokens.length,
  };
}

it.each([
  [{ type: 'array', uniqueItems: true, items: { type: 'string', pattern: '^[ab]$' } }, '["a","', 'b",'],
  [
    { type: 'object', patternProperties: { '^[ab]$': true }, additionalProperties: false },
    '{"a":1,"',
    'b":1,',
  ],
  [{ type: 'string' }, '"', `${'a'.repeat(255)}"x`],
])('allows no token that is not taken: %j after %s', (schema, before, token) => {
  const tokens = vocabulary(token);
  const matcher = compileSchema(schema, tokens).matcher();
  expect(matcher.acceptBytes(new TextEncoder().encode(before))).toBe(true);
  const isAllowed = ((matcher.mask()[8] ?? 0) & 1) === 1;
  expect([isAllowed, matcher.accept(256)]).toEqual([false, false]);
});

it('refuses an array that is too short for a mask, and keeps no part of one', () => {
  const matcher = compileSchema({ type: 'string' }, vocabulary()).matcher();
  expect(() => matcher.mask(new Uint32Array(2))).toThrow(RangeError);
  expect(matcher.mask()[1]).toBe(4);
});
