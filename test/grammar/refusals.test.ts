import { describe, expect, it } from 'vitest';
import {
  compileEbnf,
  compileRegex,
  compileSchema,
  GrammarError,
  type Json,
} from '../../src/grammar/grammar.ts';
import { tinyVocabulary } from '../support/tiny-vocabulary.ts';

const schema = (json: unknown) => compileSchema(json as Json, tinyVocabulary);
const nested = (depth: number, inner: unknown): unknown =>
  Array.from({ length: depth }).reduce((json) => ({ type: 'array', items: json }), inner);
const chain = (length: number, body: (next: string) => string): string =>
  Array.from({ length }, (_, i) => `${i === 0 ? 'root' : `r${i}`} ::= ${body(`r${i + 1}`)}`).join('\n') +
  `\nr${length} ::= "b"`;

/** What is refused, where, and for which keyword. */
const REFUSED: readonly [name: string, schema: unknown, pointer: string, keyword: string | undefined][] = [
  ['an unknown type', { properties: { a: { type: 'text' } } }, '#/properties/a/type', 'type'],
  ['a wrong limit', { minLength: -1 }, '#/minLength', 'minLength'],
  ['an empty list', { anyOf: [] }, '#/anyOf', 'anyOf'],
  ['another document', { $ref: 'https://example.com/a.json' }, '#/$ref', '$ref'],
  ['a place that is not there', { items: { $ref: '#/$defs/x' } }, '#/items/$ref', '$ref'],
  ['a reference to itself', { $ref: '#' }, '#/$ref', '$ref'],
  [
    'references in a circle',
    { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    '#/$defs/',
    '$ref',
  ],
  ['$dynamicRef', { $dynamicRef: '#a' }, '#/$dynamicRef', '$dynamicRef'],
  ['a format that is checked elsewhere', { items: { format: 'iri' } }, '#/items/format', 'format'],
  [
    'multiples of a fraction',
    { items: { type: 'number', multipleOf: 0.01 } },
    '#/items/multipleOf',
    'multipleOf',
  ],
  [
    'uniqueItems over objects',
    { properties: { a: { items: { type: 'object' }, uniqueItems: true } } },
    '#/properties/a/items',
    'uniqueItems',
  ],
  ['a broken pattern', { properties: { p: { pattern: '(a' } } }, '#/properties/p', 'pattern'],
  ['a backreference', { pattern: '(a)\\1' }, '#', 'pattern'],
  ['a pattern that explodes', { items: { pattern: '(a{1,1000}){1,1000}' } }, '#/items', 'pattern'],
  [
    'more different items than a pattern has texts',
    { type: 'array', items: { type: 'string', pattern: '^(yes|no)$' }, minItems: 3, uniqueItems: true },
    '#/uniqueItems',
    'uniqueItems',
  ],
  [
    'more different items than there are empty texts',
    { type: 'array', items: { type: 'string', maxLength: 0 }, minItems: 2, uniqueItems: true },
    '#/uniqueItems',
    'uniqueItems',
  ],
  [
    'more different items for contains than there are',
    {
      type: 'array',
      items: { enum: [1, 2] },
      contains: { const: 1 },
      minContains: 2,
      uniqueItems: true,
    },
    '#/uniqueItems',
    'uniqueItems',
  ],
  ['properties that are null', { properties: null }, '#/properties', 'properties'],
  ['required that is null', { required: null }, '#/required', 'required'],
  ['dependentRequired that is null', { dependentRequired: null }, '#/dependentRequired', 'dependentRequired'],
  ['what is not there to be had', false, '#', undefined],
  ['types that exclude each other', { allOf: [{ type: 'string' }, { type: 'integer' }] }, '#', undefined],
  [
    'a required property that cannot be',
    { type: 'object', required: ['a'], properties: { a: false } },
    '#',
    undefined,
  ],
  [
    'an object that never ends',
    { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] },
    '#',
    undefined,
  ],
  ['10,000 levels', nested(10_000, { type: 'integer' }), '#/items', undefined],
];

describe('compileSchema', () => {
  it.each(REFUSED)('refuses %s', (_, json, pointer, keyword) => {
    let error: unknown;
    try {
      schema(json);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(GrammarError);
    const { pointer: at, keyword: word, message } = error as GrammarError;
    expect(message).toContain(at);
    expect(at.slice(0, pointer.length)).toBe(pointer);
    expect(word).toBe(keyword);
  });

  it('ends on alternatives that multiply', () => {
    const pick = (n: number) => ({
      anyOf: Array.from({ length: 6 }, (_, i) => ({ required: [`a${n}${i}`] })),
    });
    expect(() => schema({ allOf: Array.from({ length: 6 }, (_, n) => pick(n)) })).toThrow(
      /fewer combinations/,
    );
  });

  it('reads a chain of 5,000 references without a deep stack', { tags: ['slow'] }, () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`a${i}`, { $ref: `#/$defs/a${i + 1}` }]),
    );
    expect(() => schema({ $ref: '#/$defs/a0', $defs: { ...$defs, a300: { const: 1 } } })).not.toThrow();
    const long = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`a${i}`, { $ref: `#/$defs/a${i + 1}` }]),
    );
    expect(() => schema({ $ref: '#/$defs/a0', $defs: { ...long, a5000: { const: 1 } } })).toThrow(
      GrammarError,
    );
  });
});

describe('compileRegex', () => {
  it.each(['(a', 'a)', '[a', 'a**', '(?<=a)b', 'a{3,2}', 'a{99999}', '\\b', '\\p{L}', '(?i)a', 'a(?=b)c'])(
    'refuses %s',
    (pattern) => {
      expect(() => compileRegex(pattern, tinyVocabulary)).toThrow(GrammarError);
    },
  );

  it('ends on patterns whose automata explode', { tags: ['slow'] }, () => {
    expect(() => compileRegex(`(a|b)*a${'(a|b)'.repeat(30)}`, tinyVocabulary)).toThrow(GrammarError);
    expect(() => compileRegex('('.repeat(5000), tinyVocabulary)).toThrow(/nested too deeply/);
  });
});

describe('compileEbnf', () => {
  it.each([
    ['no root', 'a ::= "x"', 'line 1, column 1'],
    ['a missing rule', 'root ::= "a"\n  b', 'line 2, column 3'],
    ['a rule twice', 'root ::= "a"\nroot ::= "b"', 'line 2, column 1'],
    ['an open text', 'root ::= "a', 'line 1, column 10'],
    ['left recursion', 'root ::= root "a" | "b"', 'root'],
    ['hidden left recursion', 'root ::= x root | "b"\nx ::= "c"?', 'root'],
    ['a rule without an end', 'root ::= "a" root', 'root'],
    ['a set that is empty', 'root ::= "a" root | [^\\x00-\\U0010FFFF] root | "b"', 'root'],
    ['a repetition repeated', `root ::= "a"${'*'.repeat(20_000)}`, 'line 1, column 14'],
    ['5,000 rules, each in the one before', chain(5000, (next) => `"a" ${next}`), 'line 1001, column 1'],
    ['repetition of nothing', 'root ::= (x*)* "a"\nx ::= "b" root?', 'root'],
  ])('refuses %s', (_, rules, place) => {
    expect(() => compileEbnf(rules, tinyVocabulary)).toThrow(new RegExp(`^${place}: `));
  });
});
