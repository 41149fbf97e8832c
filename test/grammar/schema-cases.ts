// Schemas with texts that they allow and forbid, written for these tests. Labels are checked against ajv.

import { SCHEMA_CASES_2020 } from './schema-cases-2020.ts';

export interface SchemaCase {
  readonly name: string;
  readonly schema: unknown;
  readonly valid: readonly string[];
  readonly invalid: readonly string[];
}

const closed = { additionalProperties: false };
const text = { type: 'string' };
const whole = { type: 'integer' };

export const SCHEMA_CASES: readonly SchemaCase[] = [
  {
    name: 'true',
    schema: true,
    valid: ['1', '"a"', 'null', '[{}]', '{"a":{"b":[1.5,"é"]}}', '-0.5e-7'],
    invalid: ['{', '[1,]', '01', '1.', 'nul', '"\\x"', '"\t"', '"\\ud83d"'],
  },
  {
    name: 'type',
    schema: { type: ['integer', 'null'] },
    valid: ['1', '-20', 'null'],
    invalid: ['1.5', '"1"', 'true'],
  },
  {
    name: 'const',
    schema: { const: { a: [1, null], b: 'é"\\' } },
    valid: ['{"a":[1,null],"b":"é\\"\\\\"}'],
    invalid: ['{"a":[1],"b":"é"}', '{}'],
  },
  {
    name: 'enum',
    schema: { enum: ['red', 'reddish', 1, 12, null] },
    valid: ['"red"', '"reddish"', '1', '12', 'null'],
    invalid: ['"redd"', '2', '123'],
  },
  {
    name: 'minLength, maxLength',
    schema: { type: 'string', minLength: 2, maxLength: 3 },
    valid: ['"ab"', '"éé日"', '"😀😀"', '"\\n\\u0041"'],
    invalid: ['"a"', '"😀"', '"abcd"'],
  },
  {
    name: 'a number that is not whole',
    schema: { type: 'number', not: { type: 'integer' } },
    valid: ['1.5', '-0.25', '1.00000000000001'],
    invalid: ['1', '1.0', '1.00000000000000000001'],
  },
  {
    name: 'uniqueItems over constants with an exponent',
    schema: {
      type: 'array',
      uniqueItems: true,
      items: { anyOf: [{ const: 1e-7 }, { const: -1e21 }, { type: 'number', maximum: 5 }] },
    },
    valid: ['[0.0000001,5]', '[-1000000000000000000000,0.0000001]'],
    invalid: ['[1e-7,0.0000001]', '[0.0000001,0.0000001]'],
  },
  {
    name: 'format regex with counts',
    schema: { type: 'string', format: 'regex' },
    valid: ['"a{2,}"', '"a{19}b?"'],
    invalid: ['"a{99,90}"', '"("'],
  },
  {
    name: 'as many different items as there are',
    schema: {
      type: 'array',
      uniqueItems: true,
      minItems: 3,
      items: { anyOf: [{ type: 'string', pattern: '^[a-c]$' }, { type: 'null' }] },
    },
    valid: ['["a","c","b"]', '[null,"a","b"]'],
    invalid: ['["a","b"]', '["a","b","b"]'],
  },
  {
    name: 'minProperties beside a small set of names',
    schema: {
      type: 'object',
      minProperties: 2,
      properties: { a: true },
      patternProperties: { '^[a-c]$': whole },
      ...closed,
    },
    valid: ['{"a":1,"b":2}', '{"b":1,"c":2}', '{"a":1,"c":3,"b":2}'],
    invalid: ['{}', '{"b":1}', '{"a":1,"b":1.5}', '{"a":1,"d":2}'],
  },
  {
    name: 'pattern',
    schema: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
    valid: ['"AB-1"', '"ZZ-0042"'],
    invalid: ['"A-1"', '"AB-"', '"xAB-1"'],
  },
  {
    name: 'pattern that searches',
    schema: { type: 'string', pattern: 'b+c' },
    valid: ['"abbcd"', '"bc"'],
    invalid: ['"b"', '"ac"'],
  },
  {
    name: 'pattern with look-ahead',
    schema: { type: 'string', pattern: '^(?!no)(?=.{2,4}$)[a-z]+$' },
    valid: ['"yes"', '"on"'],
    invalid: ['"nope"', '"a"', '"abcde"'],
  },
  {
    name: 'pattern, maxLength',
    schema: { type: 'string', pattern: '^(ab)*$', minLength: 2, maxLength: 5 },
    valid: ['"ab"', '"abab"'],
    invalid: ['""', '"ababab"', '"aba"'],
  },
  {
    name: 'minimum, maximum',
    schema: { type: 'integer', minimum: -5, maximum: 123 },
    valid: ['-5', '0', '99', '123'],
    invalid: ['-6', '124', '1000'],
  },
  {
    name: 'exclusiveMinimum, maximum',
    schema: { type: 'number', exclusiveMinimum: 0, maximum: 1.25 },
    valid: ['0.001', '1', '1.25', '1.2'],
    invalid: ['0', '0.0', '-1', '1.26', '1.3', '2'],
  },
  {
    name: 'exclusiveMaximum',
    schema: { type: 'number', exclusiveMaximum: -1.5 },
    valid: ['-1.51', '-2'],
    invalid: ['-1.5', '-1', '0'],
  },
  {
    name: 'multipleOf',
    schema: { type: 'integer', multipleOf: 7, minimum: 10 },
    valid: ['14', '21', '700'],
    invalid: ['7', '15'],
  },
  {
    name: 'format',
    schema: {
      properties: {
        d: { format: 'date' },
        t: { format: 'date-time' },
        e: { format: 'email' },
        u: { format: 'uri' },
        i: { format: 'ipv4' },
      },
    },
    valid: [
      '{"d":"2024-02-29","e":"a.b@c.org","i":"1.2.3.255"}',
      '{"t":"2026-11-27T01:02:03.5Z","u":"https://a.b/c?d#e"}',
    ],
    invalid: [
      '{"d":"2023-02-29"}',
      '{"d":"2026-13-01"}',
      '{"e":"a@b"}',
      '{"i":"1.2.3.256"}',
      '{"t":"2026-11-27"}',
      '{"u":"a"}',
    ],
  },
  {
    name: 'format ipv6, uuid',
    schema: {
      anyOf: [
        { type: 'string', format: 'ipv6' },
        { type: 'string', format: 'uuid' },
      ],
    },
    valid: [
      '"::1"',
      '"1::"',
      '"1:2:3:4:5:6:7:8"',
      '"::ffff:1.2.3.4"',
      '"2eb8aa08-aa98-11ea-b4aa-73b441d16380"',
    ],
    invalid: ['"1::2::3"', '"12345::"', '"::g"'],
  },
  {
    name: 'properties, required',
    schema: {
      type: 'object',
      properties: { a: text, b: whole, c: { type: 'boolean' } },
      required: ['a', 'c'],
      ...closed,
    },
    valid: ['{"a":"x","c":true}', '{"a":"","b":2,"c":false}'],
    invalid: ['{"a":"x"}', '{"a":"x","c":true,"d":1}', '{"a":"x","b":"2","c":true}', '{}'],
  },
  {
    name: 'names that must be escaped',
    schema: {
      type: 'object',
      properties: { 'a "q"': text, 'b\\n': whole, ключ: true },
      required: ['ключ'],
      ...closed,
    },
    valid: ['{"a \\"q\\"":"x","ключ":1}', '{"b\\\\n":1,"ключ":null}'],
    invalid: ['{"b\\n":1,"ключ":1}'],
  },
  {
    name: 'additionalProperties',
    schema: { type: 'object', properties: { a: whole }, additionalProperties: text },
    valid: ['{"a":1}', '{"a":1,"b":"x"}', '{"b":"x","":"y"}'],
    invalid: ['{"a":"x"}', '{"b":1}', '{"\\u0061":"x"}'],
  },
  {
    name: 'minProperties, maxProperties',
    schema: { type: 'object', additionalProperties: whole, minProperties: 1, maxProperties: 2 },
    valid: ['{"a":1}', '{"a":1,"b":2}'],
    invalid: ['{}', '{"a":1,"b":2,"c":3}'],
  },
  {
    name: 'minProperties of declared ones',
    schema: { type: 'object', properties: { a: whole, b: whole, c: whole }, minProperties: 2, ...closed },
    valid: ['{"a":1,"c":1}', '{"b":1,"c":2}'],
    invalid: ['{"c":1}', '{}'],
  },
  {
    name: 'patternProperties',
    schema: {
      type: 'object',
      properties: { ab: text },
      patternProperties: { '^a': { minLength: 2 }, z$: whole },
      ...closed,
    },
    valid: ['{"ab":"xy"}', '{"z":1}', '{"ac":5}'],
    invalid: ['{"ab":"x"}', '{"z":"1"}', '{"q":1}', '{"ac":"x"}'],
  },
  {
    name: 'propertyNames',
    schema: { type: 'object', propertyNames: { pattern: '^[a-c]$' }, additionalProperties: whole },
    valid: ['{}', '{"a":1,"c":2}'],
    invalid: ['{"d":1}', '{"aa":1}'],
  },
  {
    name: 'propertyNames, enum',
    schema: { type: 'object', propertyNames: { enum: ['a', 'b'] } },
    valid: ['{}', '{"a":1,"b":null}'],
    invalid: ['{"c":1}'],
  },
  {
    name: 'items',
    schema: { type: 'array', items: whole, minItems: 1, maxItems: 3 },
    valid: ['[1]', '[1,2,3]'],
    invalid: ['[]', '[1,2,3,4]', '["a"]'],
  },
  {
    name: 'items as a tuple',
    schema: { type: 'array', items: [text, whole], additionalItems: false, minItems: 1 },
    valid: ['["a"]', '["a",1]'],
    invalid: ['[]', '[1]', '["a",1,2]'],
  },
  {
    name: 'contains',
    schema: { type: 'array', items: whole, contains: { minimum: 10 }, maxItems: 3 },
    valid: ['[10]', '[1,2,11]', '[12,1]'],
    invalid: ['[]', '[1,2,3]', '[1,2,3,10]'],
  },
  {
    name: 'uniqueItems, enum',
    schema: { type: 'array', items: { enum: ['a', 'b', 1] }, uniqueItems: true },
    valid: ['[]', '["a",1,"b"]'],
    invalid: ['["a","a"]', '[1,1]', '["a","b",1,"a"]'],
  },
  {
    name: 'uniqueItems, strings and numbers',
    schema: { type: 'array', items: { type: ['string', 'integer'] }, uniqueItems: true, minItems: 2 },
    valid: ['["a","ab",1]', '[1,12]'],
    invalid: ['["a"]', '["ab","ab"]', '[3,3]'],
  },
  {
    name: 'allOf',
    schema: {
      allOf: [
        { type: 'object', properties: { a: text }, required: ['a'] },
        { properties: { a: { minLength: 2 }, b: whole }, required: ['b'] },
      ],
    },
    valid: ['{"a":"xy","b":1}'],
    invalid: ['{"a":"xy"}', '{"a":"x","b":1}', '{"b":1}'],
  },
  {
    name: 'anyOf',
    schema: {
      anyOf: [
        {
          type: 'object',
          properties: { kind: { const: 'text' }, value: text },
          required: ['kind', 'value'],
          ...closed,
        },
        {
          type: 'object',
          properties: { kind: { const: 'id' }, value: whole },
          required: ['kind', 'value'],
          ...closed,
        },
      ],
    },
    valid: ['{"kind":"text","value":"a"}', '{"kind":"id","value":3}'],
    invalid: ['{"kind":"text","value":3}', '{"kind":"other","value":3}'],
  },
  {
    name: 'oneOf that overlaps',
    schema: {
      oneOf: [
        { type: 'integer', minimum: 5 },
        { type: 'integer', maximum: 10 },
      ],
    },
    valid: ['4', '11', '-3'],
    invalid: ['5', '7', '10', '"a"'],
  },
  {
    name: 'oneOf of required',
    schema: {
      type: 'object',
      properties: { a: whole, b: whole },
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    valid: ['{"a":1}', '{"b":1}', '{"a":1,"c":2}'],
    invalid: ['{}', '{"a":1,"b":2}'],
  },
  {
    name: 'not',
    schema: { type: 'string', not: { enum: ['no', 'none'] } },
    valid: ['"n"', '"non"', '"nones"', '""'],
    invalid: ['"no"', '"none"', '1'],
  },
  {
    name: 'not of an object',
    schema: { type: 'object', not: { properties: { a: whole }, required: ['a'] } },
    valid: ['{}', '{"a":"x"}', '{"b":1}'],
    invalid: ['{"a":1}', '{"a":1,"b":2}'],
  },
  {
    name: 'if, then, else',
    schema: {
      type: 'object',
      properties: { kind: { enum: ['a', 'b'] }, x: true },
      required: ['kind', 'x'],
      if: { properties: { kind: { const: 'a' } } },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON schema.
      then: { properties: { x: whole } },
      else: { properties: { x: text } },
    },
    valid: ['{"kind":"a","x":1}', '{"kind":"b","x":"y"}'],
    invalid: ['{"kind":"a","x":"y"}', '{"kind":"b","x":1}'],
  },
  {
    name: 'dependencies',
    schema: {
      type: 'object',
      properties: { a: whole, b: whole, c: whole },
      dependencies: { a: ['b'], b: { required: ['c'] } },
      ...closed,
    },
    valid: ['{}', '{"c":1}', '{"b":1,"c":1}', '{"a":1,"b":1,"c":1}'],
    invalid: ['{"a":1}', '{"b":1}', '{"a":1,"b":1}'],
  },
  {
    name: '$ref, recursive',
    schema: {
      $ref: '#/definitions/node',
      definitions: {
        node: {
          type: 'object',
          properties: { id: whole, next: { $ref: '#/definitions/node' } },
          required: ['id'],
          ...closed,
        },
      },
    },
    valid: ['{"id":1}', '{"id":1,"next":{"id":2,"next":{"id":3}}}'],
    invalid: ['{"next":{"id":1}}', '{"id":1,"next":{}}'],
  },
  {
    name: '$ref with escapes',
    schema: { properties: { x: { $ref: '#/definitions/a~1b%20c' } }, definitions: { 'a/b c': whole } },
    valid: ['{"x":1}'],
    invalid: ['{"x":"1"}'],
  },
];

/** Keywords that each case is about: those of its name. */
export const TESTED_KEYWORDS: ReadonlySet<string> = new Set(
  [...SCHEMA_CASES, ...SCHEMA_CASES_2020].flatMap(({ schema }) => keysOf(schema)),
);

function keysOf(json: unknown): string[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => [key, ...keysOf(value)]);
}
