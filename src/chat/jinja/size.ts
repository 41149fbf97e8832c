// How large a value is, so that nothing larger than the budget is made from it.

import type { Budget } from '../budget.ts';
import { Namespace, Range, Tuple, type Value, View } from './values.ts';

/** What a value would take in a text, about; members of a list or dict, or characters; lists inside lists. */
export interface Size {
  readonly length: number;
  readonly members: number;
  readonly depth: number;
}

const SCALAR: Size = { length: 8, members: 1, depth: 0 };

/** Sizes of lists and dicts are remembered: nothing changes them once they are made. Namespaces can change. */
const known = new WeakMap<object, Size>();

export function sizeOf(value: Value, budget: Budget): Size {
  if (typeof value === 'string') return { length: value.length, members: value.length, depth: 0 };
  if (typeof value !== 'object' || value === null) return SCALAR;
  if (value instanceof Range) return { length: 8, members: value.length, depth: 0 };
  if (value instanceof View) return sizeOf(value.dict, budget);
  if (value instanceof Tuple) return sizeOf(value.items as Value[], budget);
  const content = value instanceof Namespace ? value.members : value;
  if (!Array.isArray(content) && !(content instanceof Map)) return SCALAR;
  const remembered = known.get(content);
  if (remembered) return remembered;
  const size = { length: 2, members: 0, depth: 1 };
  for (const [key, child] of content.entries() as Iterable<[unknown, Value]>) {
    if (child instanceof Namespace) budget.refuse('no namespace inside another value');
    const inner = sizeOf(child, budget);
    size.length += inner.length + 2 + (typeof key === 'string' ? key.length : 0);
    size.members++;
    size.depth = Math.max(size.depth, inner.depth + 1);
  }
  budget.checkDepth(size.depth);
  if (!(value instanceof Namespace)) known.set(content, size);
  return size;
}
