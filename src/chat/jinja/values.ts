// The values of a template are Python's: what they are here, when two are equal, which is less, what counts as
// false. A whole number is a JavaScript number, a float stands in a box (Python writes 1.0 and 1 apart).

import type { Budget } from '../budget.ts';

/** A Python float. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A name, member or item that is not there: an empty text, an empty list, false; anything else fails. */
export class Undefined {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

export class Tuple {
  readonly items: readonly Value[];
  /** Names of the items, as `groupby` gives them. */
  readonly names: readonly string[];
  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

export class Namespace {
  readonly members = new Map<string, Value>();
}

export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }
}

/** `keys()`, `values()`, `items()` of a dict. */
export class View {
  readonly kind: 'keys' | 'values' | 'items';
  readonly dict: Dict;
  constructor(kind: 'keys' | 'values' | 'items', dict: Dict) {
    this.kind = kind;
    this.dict = dict;
  }
  items(): Value[] {
    if (this.kind === 'keys') return [...this.dict.keys()];
    return this.kind === 'values' ? [...this.dict.values()] : [...this.dict].map((pair) => new Tuple(pair));
  }
}

/** What `map`, `select` and their like give: goes once, has no length and cannot be written. */
export class Generator {
  readonly iterator: Iterator<Value>;
  constructor(iterator: Iterator<Value>) {
    this.iterator = iterator;
  }
}

export class Callable {
  readonly name: string;
  readonly call: (args: readonly Value[], named: ReadonlyMap<string, Value>) => Value;
  constructor(name: string, call: Callable['call']) {
    this.name = name;
    this.call = call;
  }
}

/** `loop` inside a for statement. */
export class Loop {
  index0 = 0;
  /** What `loop.changed` was given last. */
  last: readonly Value[] | undefined;
  readonly items: readonly Value[];
  readonly depth0: number;
  /** Renders the body again for other items; there only in a recursive loop. */
  readonly recurse: ((items: Value) => string) | undefined;
  constructor(items: readonly Value[], depth0: number, recurse?: (items: Value) => string) {
    this.items = items;
    this.depth0 = depth0;
    this.recurse = recurse;
  }
}

export type Key = string | number;
export type Dict = Map<Key, Value>;
export type Value =
  | null
  | boolean
  | number
  | string
  | Float
  | Undefined
  | Value[]
  | Tuple
  | Dict
  | Namespace
  | Range
  | View
  | Generator
  | Callable
  | Loop;

export { PYTHON_SPACE as SPACE } from '../../base/python-space.ts';

/** The name of a value's type in messages, as Python has it. */
export function typeName(value: Value): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (typeof value === 'object') return value.constructor.name.toLowerCase();
  return { boolean: 'bool', number: 'int', string: 'str' }[typeof value as 'boolean' | 'number' | 'string'];
}

/** Ends the rendering: Python fails here too, or answers in a way that is not written yet. */
export function fail(message: string): never {
  throw new Error(message);
}

/** A value from outside: JSON, or what JSON.stringify would take. */
export function toValue(value: unknown, budget: Budget, depth = 0): Value {
  budget.checkDepth(depth);
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new Float(value);
  if (Array.isArray(value)) return value.map((item) => toValue(item, budget, depth + 1));
  if (typeof value !== 'object') fail(`values of JSON in messages and tools, not ${typeof value}`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return new Map(members.map(([key, member]) => [key, toValue(member, budget, depth + 1)]));
}

/** The number in an int, float or bool. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.value : undefined;
}

/** A whole number; bools count, floats do not. */
export function intOf(value: Value, what: string): number {
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : fail(`${what}: an int, not ${typeName(value)}`);
}

export function textOf(value: Value, what: string): string {
  return typeof value === 'string' ? value : fail(`${what}: a str, not ${typeName(value)}`);
}

export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Range) return value.length > 0;
  if (value instanceof View) return value.dict.size > 0;
  return (numberOf(value) ?? 1) !== 0;
}

/** Items of everything that a for loop goes through. */
export function* iterate(value: Value): Generator_ {
  if (value instanceof Undefined) return;
  if (typeof value === 'string' || Array.isArray(value)) return yield* value;
  if (value instanceof Tuple) return yield* value.items;
  if (value instanceof Map) return yield* value.keys();
  if (value instanceof View) return yield* value.items();
  if (value instanceof Range) {
    for (let i = 0; i < value.length; i++) yield value.start + i * value.step;
  } else if (value instanceof Generator) {
    for (let next = value.iterator.next(); !next.done; next = value.iterator.next()) yield next.value;
  } else {
    fail(`'${typeName(value)}' object is not iterable`);
  }
}
type Generator_ = globalThis.Generator<Value, void, undefined>;

export function lengthOf(value: Value): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value) || value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Map) return value.size;
  return value instanceof View ? value.dict.size : fail(`object of type '${typeName(value)}' has no len()`);
}

/** Python's `==`. */
export function isEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined || y !== undefined) return x === y;
  if (Array.isArray(a)) return Array.isArray(b) && allEqual(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && allEqual(a.items, b.items);
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false;
    return [...a].every(([key, value]) => b.has(key) && isEqual(value, b.get(key) as Value));
  }
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Range || a instanceof View || b instanceof Range || b instanceof View) {
    if (a instanceof Range !== b instanceof Range || a instanceof View !== b instanceof View) return false;
    fail(`a comparison of ${typeName(a)} objects, which is not supported`);
  }
  return false;
}

function allEqual(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
}

/** Less than 0 when a < b, 0 when equal, NaN when neither; only what Python orders can be compared. */
export function compare(a: Value, b: Value): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  const [left, right] = [a, b].map((side) => (side instanceof Tuple ? side.items : side));
  if (Array.isArray(left) && Array.isArray(right) && Array.isArray(a) === Array.isArray(b)) {
    const at = left.findIndex((item, i) => i >= right.length || !isEqual(item, right[i]));
    if (at < 0) return left.length - right.length;
    return at < right.length ? compare(left[at], right[at]) : 1;
  }
  return fail(`an order of '${typeName(a)}' and '${typeName(b)}'`);
}

/** By code points; `<` of JavaScript goes by UTF-16 units. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [[...a], [...b]];
  const at = x.findIndex((char, i) => char !== y[i]);
  if (at < 0) return -1;
  return at < y.length ? (x[at].codePointAt(0) as number) - (y[at].codePointAt(0) as number) : 1;
}

/** Python's `in`. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') return container.includes(textOf(item, "'in <string>' requires"));
  if (container instanceof Map) return container.has(keyOf(item));
  for (const member of iterate(container)) if (isEqual(member, item)) return true;
  return false;
}

/** A key of a dict. Texts and whole numbers are; Python's other keys are not used by templates. */
export function keyOf(value: Value): Key {
  if (typeof value === 'string' || typeof value === 'number') return value;
  return fail(`keys of a dict that are str or int, not ${typeName(value)}`);
}

/** A name for what Python would hash alike: 1, 1.0 and true are one. */
export function hashOf(value: Value): string {
  if (value === null) return 'none';
  if (typeof value === 'string') return `s${value}`;
  if (value instanceof Tuple) return `t${JSON.stringify(value.items.map(hashOf))}`;
  const number = numberOf(value);
  return number === undefined ? fail(`unhashable type: '${typeName(value)}'`) : `n${number}`;
}
