// The keywords of one schema, without those that combine schemas, as parts: what holds when all of them do, and the
// ways in which they do not.

import { FORMATS, NUMBER_FORMATS, REFUSED_FORMATS } from './formats.ts';
import { faultOf } from './json.ts';
import type { Relation } from './number-language.ts';
import {
  ANY_ARRAY,
  ANY_NUMBER,
  ANY_OBJECT,
  ANY_STRING,
  type ArrayPart,
  type NumberPart,
  type ObjectPart,
  type Part,
  type PropertyPart,
  type StringPart,
} from './parts.ts';
import type { Schema } from './schema.ts';

export const yes = (schema: Schema): number => schema.id + 1;
export const no = (schema: Schema): number => -(schema.id + 1);

let chains = 0;

/** Whether the type is allowed as a whole, in part (whole numbers only), or not at all. */
export function typeAllows({ types }: Schema, type: Part['type']): 'all' | 'whole' | 'none' {
  if (!types || types.has(type)) return 'all';
  return type === 'number' && types.has('integer') ? 'whole' : 'none';
}

// Numbers -------------------------------------------------------------------------------------------------------------

function numberRules(schema: Schema): [Relation, number][] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema.number;
  const format = schema.string.format ? NUMBER_FORMATS[schema.string.format] : undefined;
  const rules: [Relation, number | undefined][] = [
    ['>=', minimum],
    ['<=', maximum],
    ['>', exclusiveMinimum],
    ['<', exclusiveMaximum],
    ['>=', format?.min],
    ['<=', format?.max],
  ];
  return rules.filter((rule): rule is [Relation, number] => rule[1] !== undefined);
}

const OPPOSITE: Readonly<Record<Relation, Relation>> = {
  '>=': '<',
  '<=': '>',
  '>': '<=',
  '<': '>=',
  '!=': '!=',
};

/** The whole number that divides instead of `multipleOf`; 1 where whole numbers all are multiples. */
function divisorOf(schema: Schema, isWhole: boolean): number | undefined {
  const { multipleOf } = schema.number;
  if (multipleOf === undefined || Number.isInteger(multipleOf)) return multipleOf;
  if (isWhole && Number.isInteger(1 / multipleOf)) return 1;
  // Readers divide doubles: 0.07 is no multiple of 0.01 for them.
  throw faultOf(
    'multipleOf',
    schema.pointer,
    `expected a whole number, got ${multipleOf}: fractions are not exact in the readers' arithmetic`,
  );
}

function numberPart(schema: Schema): NumberPart {
  const format = schema.string.format ? NUMBER_FORMATS[schema.string.format] : undefined;
  const isWhole = typeAllows(schema, 'number') === 'whole' || format?.integer === true;
  const divisor = divisorOf(schema, isWhole);
  const rules = {
    integer: isWhole ? true : undefined,
    bounds: numberRules(schema).map(([relation, value]) => ({ relation, value })),
    divisors: divisor === undefined || divisor === 1 ? [] : [{ divisor, divides: true }],
    canonical: false,
  };
  return { type: 'number', values: undefined, rules: divisor === 1 ? { ...rules, integer: true } : rules };
}

function numberFaults(schema: Schema): NumberPart[] {
  const part = numberPart(schema);
  const rules = ANY_NUMBER.rules;
  const faults: NumberPart[] = part.rules.bounds.map(({ relation, value }) => {
    return { ...ANY_NUMBER, rules: { ...rules, bounds: [{ relation: OPPOSITE[relation], value }] } };
  });
  if (part.rules.integer) faults.push({ ...ANY_NUMBER, rules: { ...rules, integer: false } });
  for (const { divisor } of part.rules.divisors) {
    faults.push({ ...ANY_NUMBER, rules: { ...rules, divisors: [{ divisor, divides: false }] } });
  }
  return faults;
}

// Strings -------------------------------------------------------------------------------------------------------------

function stringPart(schema: Schema): StringPart {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema.string;
  if (format !== undefined && REFUSED_FORMATS.includes(format)) {
    throw faultOf('format', schema.pointer, `format ${format} is not supported`);
  }
  const names = pattern === undefined ? [] : [`/${pattern}`];
  if (format !== undefined && Object.hasOwn(FORMATS, format)) names.push(`:${format}`);
  return { ...ANY_STRING, min: minLength, max: maxLength, yes: names };
}

function stringFaults(schema: Schema): StringPart[] {
  const { min, max, yes: names } = stringPart(schema);
  // A format's language here is only a part of the standard's, so what is outside may still be right.
  if (names.some((name) => name.startsWith(':'))) {
    throw faultOf('format', schema.pointer, 'a format cannot be negated');
  }
  const faults: StringPart[] = names.map((name) => ({ ...ANY_STRING, no: [name] }));
  if (min > 0) faults.push({ ...ANY_STRING, max: min - 1 });
  if (max < Number.POSITIVE_INFINITY) faults.push({ ...ANY_STRING, min: max + 1 });
  return faults;
}

// Arrays --------------------------------------------------------------------------------------------------------------

function arrayPart(schema: Schema): ArrayPart {
  const {
    prefix,
    items,
    minItems = 0,
    maxItems,
    uniqueItems,
    contains,
    minContains,
    maxContains,
  } = schema.array;
  return {
    type: 'array',
    prefix: prefix.map((item) => [yes(item)]),
    rests: items ? [{ from: prefix.length, literals: [yes(items)] }] : [],
    min: minItems,
    max: maxItems ?? Number.POSITIVE_INFINITY,
    contains: contains
      ? [{ literals: [yes(contains)], min: minContains, max: maxContains ?? Number.POSITIVE_INFINITY }]
      : [],
    unique: uniqueItems,
    evaluated: items ? Number.POSITIVE_INFINITY : prefix.length,
  };
}

function arrayFaults(schema: Schema): ArrayPart[] {
  const {
    prefix,
    items,
    minItems = 0,
    maxItems,
    uniqueItems,
    contains,
    minContains,
    maxContains,
  } = schema.array;
  if (uniqueItems) {
    throw faultOf('uniqueItems', schema.pointer, 'uniqueItems cannot be negated');
  }
  const faults: ArrayPart[] = prefix.map((item, i) => {
    const before = prefix.slice(0, i).map(() => []);
    return { ...ANY_ARRAY, min: i + 1, prefix: [...before, [no(item)]] };
  });
  if (items && items.always !== true) {
    // Some item from there on is wrong. With a prefix before: the first after it, or one that a longer array has.
    if (prefix.length === 0) {
      faults.push({
        ...ANY_ARRAY,
        contains: [{ literals: [no(items)], min: 1, max: Number.POSITIVE_INFINITY }],
      });
    } else if (items.always === false) {
      faults.push({ ...ANY_ARRAY, min: prefix.length + 1 });
    } else {
      throw faultOf('items', schema.pointer, 'items after a prefix cannot be negated');
    }
  }
  if (minItems > 0) faults.push({ ...ANY_ARRAY, max: minItems - 1 });
  if (maxItems !== undefined) faults.push({ ...ANY_ARRAY, min: maxItems + 1 });
  if (contains) {
    const literals = [yes(contains)];
    if (minContains > 0)
      faults.push({ ...ANY_ARRAY, contains: [{ literals, min: 0, max: minContains - 1 }] });
    if (maxContains !== undefined) {
      faults.push({
        ...ANY_ARRAY,
        contains: [{ literals, min: maxContains + 1, max: Number.POSITIVE_INFINITY }],
      });
    }
  }
  return faults;
}

// Objects -------------------------------------------------------------------------------------------------------------

function objectPart(schema: Schema): ObjectPart {
  const {
    properties: declared,
    patterns,
    additional,
    names,
    required,
    minProperties = 0,
    maxProperties,
  } = schema.object;
  const properties = new Map<string, PropertyPart>();
  const chain = ++chains;
  let rank = 0;
  for (const [name, value] of declared) {
    properties.set(name, { literals: [yes(value)], required: required.includes(name), chain, rank: rank++ });
  }
  for (const name of required) {
    if (!properties.has(name)) properties.set(name, { literals: [], required: true, chain: -1, rank: -1 });
  }
  const sources = [...patterns.keys()];
  const own = new Set(declared.keys());
  return {
    ...ANY_OBJECT,
    properties,
    patterns: [...patterns].map(([source, value]) => ({ source, literals: [yes(value)] })),
    others: additional ? [{ names: own, patterns: sources, literals: [yes(additional)] }] : [],
    names: names ? [yes(names)] : [],
    min: minProperties,
    max: maxProperties ?? Number.POSITIVE_INFINITY,
    evaluated: { names: own, patterns: sources, all: additional !== undefined },
  };
}

/** Objects that have the property, and all of whose readings of it obey `literals`. */
export function withProperty(name: string, literals: readonly number[], required: boolean): ObjectPart {
  const property = { literals, required, chain: -1, rank: -1 };
  return { ...ANY_OBJECT, properties: new Map([[name, property]]) };
}

function objectFaults(schema: Schema, never: Schema): ObjectPart[] {
  const {
    properties,
    patterns,
    additional,
    names,
    required,
    minProperties = 0,
    maxProperties,
  } = schema.object;
  if (names) {
    throw faultOf('propertyNames', schema.pointer, 'propertyNames cannot be negated');
  }
  const faults = required.map((name) => withProperty(name, [yes(never)], false));
  for (const [name, value] of properties)
    if (value.always !== true) faults.push(withProperty(name, [no(value)], true));
  for (const [source, value] of patterns) {
    const wrong = { names: new Set<string>(), patterns: [], source, literals: [no(value)] };
    if (value.always !== true) faults.push({ ...ANY_OBJECT, exists: [wrong] });
  }
  if (additional && additional.always !== true) {
    const other = {
      names: new Set(properties.keys()),
      patterns: [...patterns.keys()],
      literals: [no(additional)],
    };
    faults.push({ ...ANY_OBJECT, exists: [other] });
  }
  if (minProperties > 0) faults.push({ ...ANY_OBJECT, max: minProperties - 1 });
  if (maxProperties !== undefined) faults.push({ ...ANY_OBJECT, min: maxProperties + 1 });
  return faults;
}

/** What the keywords of a schema ask of values of a type that it allows. */
export function keywordPart(schema: Schema, type: Part['type']): Part | undefined {
  if (type === 'number') return numberPart(schema);
  if (type === 'string') return stringPart(schema);
  if (type === 'array') return arrayPart(schema);
  return type === 'object' ? objectPart(schema) : undefined;
}

/** The ways in which values of a type can break the keywords of a schema; `never` allows nothing. */
export function keywordFaults(schema: Schema, type: Part['type'], never: Schema): Part[] {
  if (type === 'number') return numberFaults(schema);
  if (type === 'string') return stringFaults(schema);
  if (type === 'array') return arrayFaults(schema);
  return type === 'object' ? objectFaults(schema, never) : [];
}
