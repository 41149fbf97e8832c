// Parts: what a value of one type may be, as a list of constraints that all hold. A schema is, for each type, a list
// of such parts of which one must hold (alternatives.ts). Literals name schemas: n + 1 for schema n, −n − 1 for its
// negation; a list of them means that all hold.

import type { Json } from './json.ts';
import type { NumberRules } from './number-language.ts';

export type Literals = readonly number[];

export interface ConstantPart {
  readonly type: 'null' | 'boolean';
  readonly values: readonly Json[];
}

export interface NumberPart {
  readonly type: 'number';
  readonly values: readonly number[] | undefined;
  readonly rules: NumberRules;
}

export interface StringPart {
  readonly type: 'string';
  readonly values: readonly string[] | undefined;
  readonly min: number;
  readonly max: number;
  /** Patterns and formats that must match, and that must not; `=` before a text stands for that text alone. */
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

export interface ArrayPart {
  readonly type: 'array';
  readonly prefix: readonly Literals[];
  /** What holds for all items from an index on. */
  readonly rests: readonly { readonly from: number; readonly literals: Literals }[];
  readonly min: number;
  readonly max: number;
  readonly contains: readonly { readonly literals: Literals; readonly min: number; readonly max: number }[];
  readonly unique: boolean;
  /** Items that `unevaluatedItems` does not look at: all before this index. */
  readonly evaluated: number;
}

export interface PropertyPart {
  readonly literals: Literals;
  readonly required: boolean;
  /** Properties of one chain keep their order, by rank; −1 for a name that is only required, in any place. */
  readonly chain: number;
  readonly rank: number;
}

/** Names outside a set and matching none of some patterns. */
export interface OtherNames {
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly string[];
}

export interface ObjectPart {
  readonly type: 'object';
  readonly properties: ReadonlyMap<string, PropertyPart>;
  readonly patterns: readonly { readonly source: string; readonly literals: Literals }[];
  /** additionalProperties: what holds for all other names. */
  readonly others: readonly (OtherNames & { readonly literals: Literals })[];
  /** There is a property, of such a name and matching `source` if given, for which the literals hold. */
  readonly exists: readonly (OtherNames & { readonly source?: string; readonly literals: Literals })[];
  readonly names: Literals;
  readonly min: number;
  readonly max: number;
  /** Names that `unevaluatedProperties` does not look at. */
  readonly evaluated: OtherNames & { readonly all: boolean };
}

export type Part = ConstantPart | NumberPart | StringPart | ArrayPart | ObjectPart;
export type PartType = Part['type'];

export const ANY_NUMBER: NumberPart = {
  type: 'number',
  values: undefined,
  rules: { integer: undefined, bounds: [], divisors: [], canonical: false },
};
export const ANY_STRING: StringPart = {
  type: 'string',
  values: undefined,
  min: 0,
  max: Number.POSITIVE_INFINITY,
  yes: [],
  no: [],
};
export const ANY_ARRAY: ArrayPart = {
  type: 'array',
  prefix: [],
  rests: [],
  min: 0,
  max: Number.POSITIVE_INFINITY,
  contains: [],
  unique: false,
  evaluated: 0,
};
export const ANY_OBJECT: ObjectPart = {
  type: 'object',
  properties: new Map(),
  patterns: [],
  others: [],
  exists: [],
  names: [],
  min: 0,
  max: Number.POSITIVE_INFINITY,
  evaluated: { names: new Set(), patterns: [], all: false },
};

const ANY: Readonly<Record<PartType, Part>> = {
  null: { type: 'null', values: [null] },
  boolean: { type: 'boolean', values: [true, false] },
  number: ANY_NUMBER,
  string: ANY_STRING,
  array: ANY_ARRAY,
  object: ANY_OBJECT,
};

/** Every value of a type. */
export function anyPart(type: PartType): Part {
  return ANY[type];
}

export function joinLiterals(...lists: readonly Literals[]): Literals {
  return [...new Set(lists.flat())].sort((a, b) => Math.abs(a) - Math.abs(b) || a - b);
}

/** Equal for equal parts. */
export function partKey(part: Part): string {
  return JSON.stringify(part, (_, value) => {
    if (value instanceof Map) return [...value];
    if (value instanceof Set) return [...value].sort();
    return value === Number.POSITIVE_INFINITY ? 'infinite' : value;
  });
}

function both<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const keys = new Set<string>();
  const key = (item: T) =>
    JSON.stringify(item, (_, value) =>
      value instanceof Set ? [...value] : value === Number.POSITIVE_INFINITY ? 'infinite' : value,
    );
  return [...a, ...b].filter((item) => !keys.has(key(item)) && keys.add(key(item)));
}

/** Values that both allow: the type says nothing else yet, so constants still have to be held to the rules. */
function common<T>(a: readonly T[] | undefined, b: readonly T[] | undefined): readonly T[] | undefined {
  if (!a || !b) return a ?? b;
  return a.filter((value) => b.includes(value));
}

/** The part in which both hold; undefined when it is plainly empty. */
export function meetParts(a: Part, b: Part): Part | undefined {
  if (a.type === 'object') return meetObjects(a, b as ObjectPart);
  if (a.type === 'array') return meetArrays(a, b as ArrayPart);
  if (a.type === 'string') return meetStrings(a, b as StringPart);
  if (a.type === 'number') return meetNumbers(a, b as NumberPart);
  const values = a.values.filter((value) => (b as ConstantPart).values.includes(value));
  return values.length > 0 ? { type: a.type, values } : undefined;
}

function meetNumbers(a: NumberPart, b: NumberPart): NumberPart | undefined {
  const x = a.rules;
  const y = b.rules;
  if (x.integer !== undefined && y.integer !== undefined && x.integer !== y.integer) return undefined;
  const rules = {
    integer: x.integer ?? y.integer,
    bounds: both(x.bounds, y.bounds),
    divisors: both(x.divisors, y.divisors),
    canonical: false,
  };
  const values = common(a.values, b.values);
  return values?.length === 0 ? undefined : { type: 'number', values, rules };
}

function meetStrings(a: StringPart, b: StringPart): StringPart | undefined {
  const values = common(a.values, b.values);
  const min = Math.max(a.min, b.min);
  const max = Math.min(a.max, b.max);
  if (values?.length === 0 || min > max) return undefined;
  return { type: 'string', values, min, max, yes: both(a.yes, b.yes), no: both(a.no, b.no) };
}

function meetArrays(a: ArrayPart, b: ArrayPart): ArrayPart | undefined {
  const min = Math.max(a.min, b.min);
  const max = Math.min(a.max, b.max);
  if (min > max) return undefined;
  const length = Math.max(a.prefix.length, b.prefix.length);
  return {
    type: 'array',
    prefix: Array.from({ length }, (_, i) => joinLiterals(a.prefix[i] ?? [], b.prefix[i] ?? [])),
    rests: both(a.rests, b.rests),
    min,
    max,
    contains: both(a.contains, b.contains),
    unique: a.unique || b.unique,
    evaluated: Math.max(a.evaluated, b.evaluated),
  };
}

function meetObjects(a: ObjectPart, b: ObjectPart): ObjectPart | undefined {
  const min = Math.max(a.min, b.min);
  const max = Math.min(a.max, b.max);
  if (min > max) return undefined;
  const properties = new Map(a.properties);
  for (const [name, property] of b.properties) {
    const before = properties.get(name);
    if (!before) properties.set(name, property);
    else {
      const literals = joinLiterals(before.literals, property.literals);
      // The order is that of the schema which declares the name, not of one that only requires it.
      const { chain, rank } = before.rank < 0 ? property : before;
      properties.set(name, { literals, required: before.required || property.required, chain, rank });
    }
  }
  return {
    type: 'object',
    properties,
    patterns: both(a.patterns, b.patterns),
    others: both(a.others, b.others),
    exists: both(a.exists, b.exists),
    names: joinLiterals(a.names, b.names),
    min,
    max,
    evaluated: {
      names: new Set([...a.evaluated.names, ...b.evaluated.names]),
      patterns: both(a.evaluated.patterns, b.evaluated.patterns),
      all: a.evaluated.all || b.evaluated.all,
    },
  };
}
