// What can stand behind `is`, and be named in select and reject.

import type { Budget } from '../budget.ts';
import { Arguments, type Named } from './bind.ts';
import { FILTERS } from './filters.ts';
import { TEXT_METHODS } from './methods.ts';
import { arithmetic } from './numbers.ts';
import { str } from './text.ts';
import {
  Callable,
  compare,
  contains,
  Float,
  fail,
  Generator,
  isEqual,
  numberOf,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

export type Test = (input: Value, args: readonly Value[], named: Named, budget: Budget) => boolean;

const withOther =
  (test: (input: Value, other: Value) => boolean): Test =>
  (input, args, named) =>
    test(input, new Arguments('test', ['other'], args, named).required('other'));

const isInt = (value: Value) => typeof value === 'number';
const remainder = (value: Value, by: Value, budget: Budget) =>
  numberOf(value) === undefined
    ? fail(`a number, not ${typeName(value)}`)
    : numberOf(arithmetic('%', value, by, budget));
const isSequence = (value: Value) =>
  typeof value === 'string' ||
  Array.isArray(value) ||
  [Tuple, Map, Range, Undefined].some((type) => value instanceof type);

const equal = withOther(isEqual);
const less = withOther((a, b) => compare(a, b) < 0);
const greater = withOther((a, b) => compare(a, b) > 0);
const atMost = withOther((a, b) => compare(a, b) <= 0);
const atLeast = withOther((a, b) => compare(a, b) >= 0);
const unequal = withOther((a, b) => !isEqual(a, b));

export const TESTS: Readonly<Record<string, Test>> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  integer: isInt,
  float: (value) => value instanceof Float,
  number: (value) => numberOf(value) !== undefined,
  string: (value) => typeof value === 'string',
  mapping: (value) => value instanceof Map,
  sequence: isSequence,
  iterable: (value) => isSequence(value) || value instanceof View || value instanceof Generator,
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  escaped: () => false,
  lower: (value, _, __, budget) => TEXT_METHODS.islower(str(value), [], new Map(), budget) === true,
  upper: (value, _, __, budget) => TEXT_METHODS.isupper(str(value), [], new Map(), budget) === true,
  odd: (value, _, __, budget) => remainder(value, 2, budget) === 1,
  even: (value, _, __, budget) => remainder(value, 2, budget) === 0,
  divisibleby: (value, args, named, budget) => {
    const by = new Arguments('divisibleby', ['num'], args, named).required('num');
    return remainder(value, by, budget) === 0;
  },
  in: withOther((value, container) => contains(container, value)),
  sameas: withOther((a, b) => {
    const isOne = (value: Value) => value === null || typeof value === 'boolean';
    return isOne(a) || isOne(b) || typeof a === 'object'
      ? a === b
      : fail('sameas of none, true, false and lists');
  }),
  filter: (value) => typeof value === 'string' && Object.hasOwn(FILTERS, value),
  test: (value) => typeof value === 'string' && Object.hasOwn(TESTS, value),
  eq: equal,
  equalto: equal,
  '==': equal,
  ne: unequal,
  '!=': unequal,
  lt: less,
  lessthan: less,
  '<': less,
  gt: greater,
  greaterthan: greater,
  '>': greater,
  le: atMost,
  '<=': atMost,
  ge: atLeast,
  '>=': atLeast,
};
