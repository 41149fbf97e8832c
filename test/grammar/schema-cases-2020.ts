// The same for keywords of draft 2020-12.

import type { SchemaCase } from './schema-cases.ts';

const text = { type: 'string' };
const whole = { type: 'integer' };

/** Schemas of draft 2020-12. */
export const SCHEMA_CASES_2020: readonly SchemaCase[] = [
  {
    name: 'prefixItems',
    schema: { type: 'array', prefixItems: [text, whole], items: { type: 'boolean' } },
    valid: ['[]', '["a",1,true]'],
    invalid: ['[1]', '["a",1,2]'],
  },
  {
    name: 'minContains, maxContains',
    schema: { type: 'array', items: whole, contains: { const: 1 }, minContains: 1, maxContains: 2 },
    valid: ['[1]', '[1,2,1]'],
    invalid: ['[]', '[2]', '[1,1,1]'],
  },
  {
    name: 'dependentRequired',
    schema: { type: 'object', properties: { a: whole, b: whole }, dependentRequired: { a: ['b'] } },
    valid: ['{}', '{"b":1}', '{"a":1,"b":1}'],
    invalid: ['{"a":1}'],
  },
  {
    name: 'dependentSchemas',
    schema: {
      type: 'object',
      properties: { a: whole, b: true },
      dependentSchemas: { a: { properties: { b: text } } },
    },
    valid: ['{"a":1,"b":"x"}', '{"b":1}'],
    invalid: ['{"a":1,"b":1}'],
  },
  {
    name: 'unevaluatedProperties',
    schema: {
      type: 'object',
      properties: { a: whole },
      anyOf: [
        { properties: { b: whole }, required: ['b'] },
        { properties: { c: whole }, required: ['c'] },
      ],
      unevaluatedProperties: false,
    },
    valid: ['{"a":1,"b":1}', '{"a":1,"b":1,"c":1}'],
    invalid: ['{"a":1}', '{"a":1,"b":1,"d":1}', '{"b":1,"c":"x"}'],
  },
  {
    name: 'unevaluatedItems',
    schema: { type: 'array', allOf: [{ prefixItems: [whole] }], unevaluatedItems: text },
    valid: ['[]', '[1,"a"]'],
    invalid: ['[1,2]', '["a"]'],
  },
  {
    name: '$id of a part of the document',
    schema: {
      $id: 'https://a.test/root',
      $ref: 'part',
      $defs: { n: { $id: 'https://a.test/part', type: 'integer' } },
    },
    valid: ['3'],
    invalid: ['"a"', 'null'],
  },
  {
    name: 'contains, which only one place of a tuple can satisfy',
    schema: { type: 'array', prefixItems: [whole], items: { type: 'boolean' }, contains: { const: 5 } },
    valid: ['[5]', '[5,true]'],
    invalid: ['[7]', '[7,true]'],
  },
  {
    name: 'minContains in a tuple that ends',
    schema: {
      type: 'array',
      prefixItems: [{ enum: [1, 2] }, { type: 'string' }],
      items: { enum: [2, 3] },
      contains: { const: 2 },
      minContains: 2,
      maxItems: 3,
    },
    valid: ['[2,"a",2]'],
    invalid: ['[1,"a",2]', '[2]', '[2,"a",3]'],
  },
  {
    name: 'uniqueItems, minItems, of constants',
    schema: { type: 'array', items: { enum: [1, 'a', true] }, uniqueItems: true, minItems: 3 },
    valid: ['[1,"a",true]', '[true,1,"a"]'],
    invalid: ['[1,"a"]', '[1,"a",1]'],
  },
  {
    name: '$anchor, $ref with siblings',
    schema: { $ref: '#n', minimum: 3, $defs: { n: { $anchor: 'n', type: 'integer' } } },
    valid: ['3'],
    invalid: ['2', '"a"'],
  },
  {
    name: 'unevaluatedItems beside constants',
    schema: { enum: [[1], [], 2], unevaluatedItems: false },
    valid: ['[]', '2'],
    invalid: ['[1]', '[2]'],
  },
  {
    name: 'unevaluatedProperties beside constants',
    schema: { allOf: [{ enum: [{ a: 1 }, {}] }], unevaluatedProperties: false },
    valid: ['{}'],
    invalid: ['{"a":1}'],
  },
  {
    name: 'unevaluatedProperties beside an alternative that allows everything',
    schema: { type: 'object', anyOf: [{}, { properties: { a: whole } }], unevaluatedProperties: false },
    valid: ['{}', '{"a":1}'],
    invalid: ['{"a":"x"}', '{"b":1}'],
  },
];
