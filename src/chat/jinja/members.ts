// `value.name` and `value[index]` as Jinja looks them up: an attribute before an item behind a dot, an item before
// an attribute in brackets; what is not there is undefined, what is asked of an undefined value fails.

import type { Budget } from '../budget.ts';
import { braceFormat } from './format.ts';
import { DICT_METHODS, LIST_METHODS, TEXT_METHODS, UNKNOWN_METHODS } from './methods.ts';
import {
  Callable,
  Float,
  fail,
  isEqual,
  Loop,
  Namespace,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

export function member(object: Value, name: string, budget: Budget): Value {
  if (object instanceof Undefined) fail(`'${object.what}' is undefined`);
  const found = attribute(object, name, budget);
  return found !== undefined ? found : orUndefined(plainItem(object, name), name);
}

export function item(object: Value, key: Value, budget: Budget): Value {
  if (object instanceof Undefined) fail(`'${object.what}' is undefined`);
  const found = plainItem(object, key);
  if (found !== undefined) return found;
  const named = typeof key === 'string' ? attribute(object, key, budget) : undefined;
  return orUndefined(named, typeof key === 'string' ? key : 'an item');
}

/** None is a value like any other; only what is not there becomes Jinja's undefined. */
function orUndefined(value: Value | undefined, name: string): Value {
  return value === undefined ? new Undefined(name) : value;
}

export function setMember(namespace: Value, name: string, value: Value): void {
  if (!(namespace instanceof Namespace)) fail(`a namespace to set ${name} in, not ${typeName(namespace)}`);
  (namespace as Namespace).members.set(name, value);
}

/** `container[from:to:step]`. */
export function slice(container: Value, [from, to, step]: readonly (Value | undefined)[]): Value {
  if (container instanceof Undefined) fail(`'${container.what}' is undefined`);
  if (typeof container === 'string') return sliced([...container], from, to, step).join('');
  if (Array.isArray(container)) return sliced(container, from, to, step);
  if (container instanceof Tuple) return new Tuple(sliced(container.items, from, to, step));
  if (container instanceof Range) return fail('a slice of a range, which is not supported');
  return fail(`'${typeName(container)}' object is not subscriptable`);
}

function sliced<T>(items: readonly T[], from?: Value, to?: Value, by?: Value): T[] {
  const whole = (value: Value | undefined) => {
    if (value === null || value === undefined) return undefined;
    return typeof value === 'number' ? value : fail(`whole numbers in a slice, not ${typeName(value)}`);
  };
  const step = whole(by) ?? 1;
  if (step === 0) fail('slice step cannot be zero');
  const [lowest, highest] = step > 0 ? [0, items.length] : [-1, items.length - 1];
  const bound = (index: number | undefined, missing: number) => {
    if (index === undefined) return missing;
    return Math.min(highest, Math.max(lowest, index < 0 ? index + items.length : index));
  };
  const begin = bound(whole(from), step > 0 ? lowest : highest);
  const end = bound(whole(to), step > 0 ? highest : lowest);
  const taken: T[] = [];
  for (let i = begin; step > 0 ? i < end : i > end; i += step) taken.push(items[i]);
  return taken;
}

/** `object[key]` where Python has it; undefined where it raises. */
function plainItem(object: Value, key: Value): Value | undefined {
  if (object instanceof Map) {
    if (typeof key === 'string' || typeof key === 'number') return object.get(key);
    return [...object].find(([one]) => isEqual(one, key))?.[1];
  }
  if (typeof key !== 'number' && typeof key !== 'boolean') return undefined;
  const items = object instanceof Tuple ? object.items : object;
  if (typeof items === 'string') return [...items].at(Number(key));
  if (Array.isArray(items)) return items.at(Number(key));
  if (!(object instanceof Range)) return undefined;
  const at = Number(key) < 0 ? Number(key) + object.length : Number(key);
  return at >= 0 && at < object.length ? object.start + at * object.step : undefined;
}

function attribute(object: Value, name: string, budget: Budget): Value | undefined {
  if (object instanceof Namespace) return object.members.get(name);
  if (object instanceof Loop) return loopMember(object, name);
  if (typeof object === 'string') {
    if (name === 'format') {
      const look = (value: Value, key: string, isItem: boolean) =>
        isItem ? item(value, /^\d+$/.test(key) ? Number(key) : key, budget) : member(value, key, budget);
      return new Callable(name, (args, named) => braceFormat(object, args, named, look, budget));
    }
    return bound(TEXT_METHODS, 'str', object, name, budget);
  }
  if (object instanceof Map) return bound(DICT_METHODS, 'dict', object, name, budget);
  if (Array.isArray(object)) return bound(LIST_METHODS, 'list', object, name, budget);
  if (object instanceof Tuple) {
    const at = object.names.indexOf(name);
    if (at >= 0) return object.items[at];
    return name === 'copy' ? undefined : bound(LIST_METHODS, 'tuple', object.items, name, budget);
  }
  if (typeof object === 'number' || typeof object === 'boolean') return unknown('int', name);
  if (object instanceof Float) return unknown('float', name);
  if (object instanceof Range) return unknown('range', name);
  if (object instanceof View) return unknown('view', name);
  return object instanceof Callable ? unknown('callable', name) : undefined;
}

type Method<T> = (
  self: T,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  budget: Budget,
) => Value;

function bound<T extends Value | readonly Value[]>(
  methods: Readonly<Record<string, Method<T>>>,
  type: string,
  self: T,
  name: string,
  budget: Budget,
): Value | undefined {
  if (Object.hasOwn(methods, name)) {
    return new Callable(name, (args, named) => {
      // A method goes through the whole text or list that it belongs to.
      budget.spendWork(typeof self === 'string' ? self.length : self instanceof Map ? self.size : 1);
      return methods[name](self, args, named, budget);
    });
  }
  return type === 'str' ? unknown('str', name) : undefined;
}

function unknown(type: keyof typeof UNKNOWN_METHODS, name: string): undefined {
  if (UNKNOWN_METHODS[type].includes(name)) fail(`the method ${name} of a ${type}, which is not supported`);
  return undefined;
}

function loopMember(loop: Loop, name: string): Value | undefined {
  const { index0, items, depth0 } = loop;
  const at = (i: number) => orUndefined(items[i], 'an item beyond the loop');
  switch (name) {
    case 'index':
      return index0 + 1;
    case 'index0':
      return index0;
    case 'revindex':
      return items.length - index0;
    case 'revindex0':
      return items.length - index0 - 1;
    case 'first':
      return index0 === 0;
    case 'last':
      return index0 === items.length - 1;
    case 'length':
      return items.length;
    case 'depth':
      return depth0 + 1;
    case 'depth0':
      return depth0;
    case 'previtem':
      return index0 === 0 ? at(-1) : at(index0 - 1);
    case 'nextitem':
      return at(index0 + 1);
    case 'cycle':
      return new Callable(name, (args) =>
        args.length > 0 ? args[index0 % args.length] : fail('no items for cycling given'),
      );
    case 'changed':
      return new Callable(name, (args) => {
        const isSame = loop.last !== undefined && isEqual([...loop.last], [...args]);
        loop.last = args;
        return !isSame;
      });
    default:
      return undefined;
  }
}
