// What alternatives remember beside their constraints: in which order properties stand, and which members of an array
// or object some schema has looked at, for `unevaluatedItems` and `unevaluatedProperties`.

import { faultOf } from './json.ts';
import { yes } from './keyword-parts.ts';
import type { Part } from './parts.ts';
import type { Schema } from './schema.ts';

/**
 * Alternatives keep the order in which each declares its properties, unless two declare the same names in different
 * orders: then the later one may be written in any.
 */
export function freeOrders(parts: readonly Part[]): readonly Part[] {
  const order = new Map<string, number>();
  return parts.map((part, n) => {
    if (part.type !== 'object') return part;
    let last = -1;
    let conflict = false;
    for (const [name, { chain }] of part.properties) {
      if (chain < 0) continue;
      const at = order.get(name) ?? order.size;
      order.set(name, at);
      conflict ||= at < last;
      last = at;
    }
    if (n === 0 || !conflict) return part;
    const free = [...part.properties].map(
      ([name, property]) => [name, { ...property, chain: -1, rank: -1 }] as const,
    );
    return { ...part, properties: new Map(free) };
  });
}

/** Whether a part says more about which members were looked at than nothing. */
export function tells(part: Part): boolean {
  if (part.type === 'array') return part.evaluated > 0;
  if (part.type !== 'object') return false;
  const { names, patterns, all } = part.evaluated;
  return names.size > 0 || patterns.length > 0 || all;
}

/** A schema that does not hold has looked at nothing. */
export function untold(part: Part): Part {
  if (part.type === 'array') return { ...part, evaluated: 0 };
  return part.type === 'object'
    ? { ...part, evaluated: { names: new Set(), patterns: [], all: false } }
    : part;
}

/** What unevaluatedProperties and unevaluatedItems of `schema` ask of the members that nothing else looked at. */
export function unevaluated(part: Part, { object, array, pointer }: Schema): Part {
  if (part.type === 'object' && object.unevaluated) {
    const { names, patterns, all } = part.evaluated;
    const rest = { names, patterns, literals: [yes(object.unevaluated)] };
    return {
      ...part,
      others: all ? part.others : [...part.others, rest],
      evaluated: { names, patterns, all: true },
    };
  }
  if (part.type === 'array' && array.unevaluated && part.evaluated < Number.POSITIVE_INFINITY) {
    if (part.contains.length > 0) {
      throw faultOf('unevaluatedItems', pointer, 'unevaluatedItems beside contains is not supported');
    }
    const rest = { from: part.evaluated, literals: [yes(array.unevaluated)] };
    return { ...part, rests: [...part.rests, rest], evaluated: Number.POSITIVE_INFINITY };
  }
  return part;
}
