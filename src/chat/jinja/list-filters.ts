// Filters that go through lists: map, select, sort, group and the like.

import { Arguments } from './bind.ts';
import type { Filter, FilterContext } from './filter.ts';
import { str } from './text.ts';
import {
  compare,
  fail,
  Generator,
  hashOf,
  isEqual,
  isTrue,
  iterate,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

/** An attribute that is named like `a.b.0`, and what stands in for one that is not there. */
export function attributeOf(context: FilterContext, path: Value, missing?: Value): (item: Value) => Value {
  if (path === null || path === undefined) return (item) => item;
  const parts = typeof path === 'string' ? path.split('.') : [path];
  const keys = parts.map((part) => (typeof part === 'string' && /^\d+$/.test(part) ? Number(part) : part));
  return (start) => {
    let value = start;
    for (const key of keys) {
      value = context.item(value, key);
      if (missing !== undefined && missing !== null && value instanceof Undefined) value = missing;
    }
    return value;
  };
}

const folded = (value: Value) => (typeof value === 'string' ? value.toLowerCase() : value);

/** All items, counted against the budget while they come. */
export function all(context: FilterContext, input: Value): Value[] {
  const items: Value[] = [];
  for (const item of iterate(input)) {
    items.push(item);
    context.budget.spendWork(1);
  }
  return items;
}

function sorted(
  context: FilterContext,
  items: Value[],
  key: (item: Value) => Value,
  isReverse = false,
): Value[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  keyed.sort((a, b) => {
    context.budget.spendWork(1);
    return isReverse ? compare(b.key, a.key) : compare(a.key, b.key);
  });
  return keyed.map(({ item }) => item);
}

/** `select`, `reject` and the two with attributes. */
export function picking(name: string, byAttribute: boolean, wanted: boolean): Filter {
  return (context, input, args, named) => {
    const rest = args.slice(byAttribute ? 1 : 0);
    if (byAttribute && args.length === 0) fail(`${name}: an attribute, got none`);
    const value = attributeOf(context, byAttribute ? args[0] : null);
    const [test, ...testArgs] = rest;
    const passes = (item: Value) =>
      rest.length === 0
        ? isTrue(value(item))
        : context.callTest(str(test), value(item), testArgs, named) === true;
    return new Generator(
      (function* () {
        if (!isTrue(input)) return;
        for (const item of iterate(input)) if (passes(item) === wanted) yield item;
      })(),
    );
  };
}

export const map: Filter = (context, input, args, named) => {
  let change: (item: Value) => Value;
  if (args.length === 0 && named.has('attribute')) {
    const given = new Arguments('map', ['attribute', 'default'], [], named);
    change = attributeOf(context, given.required('attribute'), given.optional('default'));
  } else {
    const [name, ...rest] = args;
    if (typeof name !== 'string') fail('map: the name of a filter');
    change = (item) => context.callFilter(name as string, item, rest, named);
  }
  return new Generator(
    (function* () {
      if (isTrue(input)) for (const item of iterate(input)) yield change(item);
    })(),
  );
};

export function extreme(name: string, sign: number): Filter {
  return (context, input, args, named) => {
    const given = new Arguments(name, ['case_sensitive', 'attribute'], args, named);
    const attribute = attributeOf(context, given.optional('attribute') ?? null);
    const key = isTrue(given.optional('case_sensitive') ?? false)
      ? attribute
      : (item: Value) => folded(attribute(item));
    const items = all(context, input);
    if (items.length === 0) return new Undefined('an item of an empty list');
    return items.reduce((best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best));
  };
}

export const groupby: Filter = (context, input, args, named) => {
  const given = new Arguments('groupby', ['attribute', 'default', 'case_sensitive'], args, named);
  const attribute = attributeOf(context, given.required('attribute'), given.optional('default'));
  const isExact = isTrue(given.optional('case_sensitive') ?? false);
  const key = isExact ? attribute : (item: Value) => folded(attribute(item));
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(context, all(context, input), key)) {
    const last = groups.at(-1);
    if (last && isEqual(last.key, key(item))) last.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  return groups.map((group) => new Tuple([attribute(group.items[0]), group.items], ['grouper', 'list']));
};

export const unique: Filter = (context, input, args, named) => {
  const given = new Arguments('unique', ['case_sensitive', 'attribute'], args, named);
  const attribute = attributeOf(context, given.optional('attribute') ?? null);
  const isExact = isTrue(given.optional('case_sensitive') ?? false);
  return new Generator(
    (function* () {
      const seen = new Set<string>();
      for (const item of iterate(input)) {
        const hash = hashOf(isExact ? attribute(item) : folded(attribute(item)));
        if (!seen.has(hash)) yield item;
        seen.add(hash);
      }
    })(),
  );
};

export const sort: Filter = (context, input, args, named) => {
  const given = new Arguments('sort', ['reverse', 'case_sensitive', 'attribute'], args, named);
  const path = given.optional('attribute') ?? null;
  const attributes = (typeof path === 'string' ? path.split(',') : [path]).map((one) =>
    attributeOf(context, one),
  );
  const isExact = isTrue(given.optional('case_sensitive') ?? false);
  const key = (item: Value) => attributes.map((get) => (isExact ? get(item) : folded(get(item))));
  return sorted(context, all(context, input), key, isTrue(given.optional('reverse') ?? false));
};

export const dictsort: Filter = (context, input, args, named) => {
  const given = new Arguments('dictsort', ['case_sensitive', 'by', 'reverse'], args, named);
  if (!(input instanceof Map)) fail(`dictsort: a dict, not ${typeName(input)}`);
  const by = ['key', 'value'].indexOf(given.text('by', 'key'));
  if (by < 0) fail('dictsort: by key or value');
  const isExact = isTrue(given.optional('case_sensitive') ?? false);
  const key = (pair: Value) => {
    const side = (pair as Tuple).items[by];
    return isExact ? side : folded(side);
  };
  const pairs = new View('items', input as Map<string, Value>).items();
  return sorted(context, pairs, key, isTrue(given.optional('reverse') ?? false));
};

export function inLines(name: string, isBatch: boolean): Filter {
  return (context, input, args, named) => {
    const given = new Arguments(name, [isBatch ? 'linecount' : 'slices', 'fill_with'], args, named);
    const count = given.int(isBatch ? 'linecount' : 'slices');
    const filling = given.optional('fill_with') ?? null;
    if (count < 1) fail(`${name}: at least 1`);
    context.budget.checkLength(count);
    const items = all(context, input);
    const lines: Value[] = [];
    if (isBatch) {
      for (let i = 0; i < items.length; i += count) lines.push(items.slice(i, i + count));
      const last = lines.at(-1) as Value[] | undefined;
      while (last && filling !== null && last.length < count) last.push(filling);
    } else {
      const [each, extra] = [Math.floor(items.length / count), items.length % count];
      for (let i = 0, at = 0; i < count; i++) {
        const line = items.slice(at, (at += each + Number(i < extra)));
        if (filling !== null && i >= extra) line.push(filling);
        lines.push(line);
      }
    }
    return new Generator(lines[Symbol.iterator]());
  };
}
