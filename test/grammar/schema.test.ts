import { default as Ajv7 } from 'ajv';
import { default as Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchema, type Grammar, type Json } from '../../src/grammar/grammar.ts';
import { cut, END, idsOf, textOf, tinyVocabulary } from '../support/tiny-vocabulary.ts';
import { SCHEMA_CASES, type SchemaCase } from './schema-cases.ts';
import { SCHEMA_CASES_2020 } from './schema-cases-2020.ts';

function validator({ schema }: SchemaCase, isNew: boolean): (value: unknown) => boolean {
  const ajv = new (isNew ? Ajv2020.default : Ajv7.default)({ strict: false });
  addFormats.default(ajv);
  return ajv.compile(schema as object) as (value: unknown) => boolean;
}

/** Whether every token is in the mask before it and taken, the end too. */
function accepts(grammar: Grammar, ids: readonly number[]): boolean {
  const matcher = grammar.matcher();
  for (const id of [...ids, END]) {
    const isAllowed = idsOf(matcher.mask()).includes(id);
    expect(matcher.accept(id)).toBe(isAllowed);
    if (!isAllowed) return false;
  }
  return true;
}

/** Writes a text by the masks: any allowed token, and short ways out after a while. */
function walk(grammar: Grammar, random: () => number): string {
  const matcher = grammar.matcher();
  const ids: number[] = [];
  for (;;) {
    const allowed = idsOf(matcher.mask());
    expect(allowed.length).toBeGreaterThan(0);
    const mayEnd = allowed.includes(END);
    if (mayEnd && (allowed.length === 1 || ids.length > 30 || random() < 0.5)) return textOf(ids);
    const ends = ids.length > 40 ? matcher.shortestEnd() : [];
    const others = allowed.filter((id) => id !== END);
    const id = ends[0] ?? others[Math.floor(random() * others.length)];
    expect(allowed).toContain(id);
    matcher.accept(id);
    ids.push(id);
  }
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const all = [
  ...SCHEMA_CASES.map((one) => ({ ...one, isNew: false })),
  ...SCHEMA_CASES_2020.map((one) => ({ ...one, isNew: true })),
];

describe.each(all)('compileSchema: $name', (one) => {
  const validate = validator(one, one.isNew);
  const grammar = compileSchema(one.schema as Json, tinyVocabulary);

  it('is labelled as ajv labels it', () => {
    for (const text of one.valid) expect([text, validate(JSON.parse(text))]).toEqual([text, true]);
    for (const text of one.invalid) {
      const isJson = (() => {
        try {
          return [JSON.parse(text) as unknown];
        } catch {
          return undefined;
        }
      })();
      // A lone surrogate is JSON for JavaScript, but no text.
      if (isJson && !text.includes('\\ud83d')) expect([text, validate(isJson[0])]).toEqual([text, false]);
    }
  });

  it('allows every valid text, however it is cut into tokens, and no invalid one', () => {
    const random = randomOf(7);
    for (const text of one.valid) {
      expect([
        text,
        accepts(
          grammar,
          cut(text, (n) => n - 1),
        ),
      ]).toEqual([text, true]);
      expect([
        text,
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      ]).toEqual([text, true]);
      for (let n = 0; n < 5; n++) {
        expect([
          text,
          accepts(
            grammar,
            cut(text, (m) => Math.floor(random() * m)),
          ),
        ]).toEqual([text, true]);
      }
    }
    for (const text of one.invalid) {
      expect([
        text,
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      ]).toEqual([text, false]);
      expect([
        text,
        accepts(
          grammar,
          cut(text, (n) => n - 1),
        ),
      ]).toEqual([text, false]);
    }
  });

  it('never leads into a dead end, and whatever is written by its masks is valid for ajv', {
    tags: ['slow'],
  }, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const text = walk(grammar, randomOf(seed));
        expect([text, validate(JSON.parse(text))]).toEqual([text, true]);
      }),
      { numRuns: 12, seed: 11 },
    );
  });
});

describe('compileSchema', () => {
  it('keeps the order of properties, and lets alternatives with other orders have any', () => {
    const schema = { properties: { a: true, b: true }, required: ['a', 'b'] };
    const grammar = compileSchema(schema, tinyVocabulary);
    expect(
      accepts(
        grammar,
        cut('{"a":1,"b":2}', () => 0),
      ),
    ).toBe(true);
    expect(
      accepts(
        grammar,
        cut('{"b":1,"a":2}', () => 0),
      ),
    ).toBe(false);
    const either = compileSchema(
      { anyOf: [schema, { properties: { b: true, a: true, c: true } }] },
      tinyVocabulary,
    );
    expect(
      accepts(
        either,
        cut('{"b":1,"a":2,"c":3}', () => 0),
      ),
    ).toBe(true);
  });

  it('writes no name twice', () => {
    const grammar = compileSchema({ properties: { a: true } }, tinyVocabulary);
    for (const text of ['{"a":1,"a":2}', '{"b":1,"b":2}', '{"b":1,"\\u0062":2}']) {
      expect([
        text,
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      ]).toEqual([text, false]);
    }
  });

  it('writes white space as asked for', () => {
    const schema = { type: 'array', items: { type: 'integer' } };
    const texts = ['[1,2]', '[1, 2]', '[1,  2]', '[ 1\n,\t2 ]'];
    const allowed = (whitespace: 'none' | 'single' | 'any') => {
      const grammar = compileSchema(schema, tinyVocabulary, { whitespace });
      return texts.filter((text) =>
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      );
    };
    expect(allowed('none')).toEqual(texts.slice(0, 1));
    expect(allowed('single')).toEqual(texts.slice(0, 2));
    expect(allowed('any')).toEqual(texts);
  });

  it('bounds what the schema leaves open', () => {
    const bounds = { maxString: 3, maxItems: 2, maxExtra: 1 };
    const grammar = compileSchema(true, tinyVocabulary, { bounds });
    for (const text of ['"abc"', '[1,2]', '{"a":1}', '"\\u0061bc"']) {
      expect([
        text,
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      ]).toEqual([text, true]);
    }
    for (const text of ['"abcd"', '[1,2,3]', '{"a":1,"b":2}', '123456789012345678901']) {
      expect([
        text,
        accepts(
          grammar,
          cut(text, () => 0),
        ),
      ]).toEqual([text, false]);
    }
  });

  it('takes the schema as JSON text, too', () => {
    expect(
      accepts(
        compileSchema('{"const":1}', tinyVocabulary),
        cut('1', () => 0),
      ),
    ).toBe(true);
    expect(() => compileSchema('{', tinyVocabulary)).toThrow(/expected a schema in JSON/);
  });

  it('spells code points whose bytes no token has as escapes', () => {
    const grammar = compileSchema({ const: 'a\u{50000}' }, tinyVocabulary);
    expect(walk(grammar, () => 0.99)).toBe('"a\\ud900\\udc00"');
  });

  it('can write every one of 120 alternatives', () => {
    const kinds = Array.from({ length: 120 }, (_, i) => `k${i}`);
    const oneOf = kinds.map((kind) => ({
      type: 'object',
      properties: { kind: { const: kind }, a: { type: 'integer' } },
      required: ['kind'],
      additionalProperties: false,
    }));
    const grammar = compileSchema({ oneOf }, tinyVocabulary);
    const texts = kinds.map((kind) => `{"kind":"${kind}"}`);
    const written = texts.filter((text) =>
      accepts(
        grammar,
        cut(text, () => 0),
      ),
    );
    expect(written).toEqual(texts);
  });

  it('sums a thousand million properties without counting them', () => {
    const start = performance.now();
    const grammar = compileSchema({ type: 'object', minProperties: 1e9 }, tinyVocabulary);
    expect(grammar.fewestBytes).toBeGreaterThan(1e9);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('opens no array at the greatest depth whose contains needs one level more', () => {
    const deeper = { type: 'array', items: { $ref: '#' }, contains: { type: 'array' } };
    const grammar = compileSchema(
      { anyOf: [{ const: 1 }, { type: 'array', maxItems: 0 }, deeper] },
      tinyVocabulary,
    );
    const matcher = grammar.matcher();
    const utf8 = new TextEncoder();
    expect(matcher.acceptBytes(utf8.encode('['.repeat(64)))).toBe(true);
    expect(matcher.acceptBytes(utf8.encode('1'))).toBe(false);
    expect(matcher.acceptBytes(utf8.encode(']'.repeat(64)))).toBe(true);
  });
});
