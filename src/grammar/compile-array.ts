// From the part of an array to its shape: the readings of every item.

import { type ArrayLimits, ArrayShape, type ItemShape } from './array-state.ts';
import { faultOf, TYPES } from './json.ts';
import { type ArrayPart, joinLiterals, type Literals } from './parts.ts';
import type { SchemaPlaces } from './schema-places.ts';

/** Most schemas of `contains` that are counted side by side. */
const MAX_CONTAINS = 4;
/** Most places of a tuple times counts of its `contains`: so many are searched for ways to the end. */
const MAX_COUNTED = 2000;

/** What holds for the item at an index, by the schemas of its place. */
function itemLiterals(part: ArrayPart, index: number): Literals {
  const rests = part.rests.filter(({ from }) => from <= index);
  return joinLiterals(part.prefix[index] ?? [], ...rests.map(({ literals }) => literals));
}

/** @returns undefined when there is no such array */
export function arrayShape(part: ArrayPart, compiler: SchemaPlaces, pointer: string): ArrayShape | undefined {
  const { contains, unique } = part;
  const hasLimit = contains.some(({ max }) => max < Number.POSITIVE_INFINITY);
  if (
    contains.length > MAX_CONTAINS ||
    (contains.length > 1 && (hasLimit || part.max < Number.POSITIVE_INFINITY))
  ) {
    const message = 'several contains beside maxContains or maxItems are not supported';
    throw faultOf('contains', pointer, message);
  }
  const numFirst = Math.max(part.prefix.length, ...part.rests.map(({ from }) => from));
  let { max } = part;
  for (let i = 0; i <= numFirst; i++) {
    // An item that cannot be ends the array before it.
    if (i < max && !compiler.alternatives.maybe(itemLiterals(part, i))) max = i;
  }
  const counted = contains.reduce(
    (product, one) =>
      product * (Math.min(one.max < Number.POSITIVE_INFINITY ? one.max : one.min, numFirst) + 1),
    numFirst,
  );
  if (contains.length > 0 && counted > MAX_COUNTED) {
    const message = `contains beside a tuple: expected at most ${MAX_COUNTED} items times counts, got ${counted}`;
    throw faultOf('contains', pointer, message);
  }
  const readings = (index: number) => itemReadings(part, itemLiterals(part, index), compiler);
  if (contains.length === 1 && hasLimit && part.min > 0)
    max = Math.min(max, limitOfContains(part, compiler, numFirst));
  const isBound = max < Number.POSITIVE_INFINITY;
  const limits: ArrayLimits = {
    min: part.min,
    max: isBound ? max : Math.max(compiler.bounds.maxItems, part.min),
    contains,
    unique,
  };
  if (limits.min > limits.max) return undefined;
  if (unique && (part.min > 1 || contains.some(({ min }) => min > 1)))
    requireEnough(part, compiler, pointer, numFirst);
  const first = Array.from({ length: Math.min(numFirst, limits.max) }, (_, i) => readings(i));
  const rest = numFirst < limits.max ? readings(numFirst) : [];
  return new ArrayShape(first, rest, limits, compiler.spacing, compiler.wordBytes);
}

/** An item as one that satisfies some of the `contains`, in every way that matters for the counts. */
function itemReadings(part: ArrayPart, literals: Literals, compiler: SchemaPlaces): ItemShape[] {
  const { contains, unique } = part;
  const readings: ItemShape[] = [];
  for (let set = 0; set < 1 << contains.length; set++) {
    const counts = contains.map((_, i) => (set >> i) & 1);
    const chosen = contains.map((one, i) => {
      if (counts[i] === 1) return one.literals;
      // Whether an item counts must be known only where there may be too many.
      return one.max < Number.POSITIVE_INFINITY ? one.literals.map((literal) => -literal) : [];
    });
    const all = joinLiterals(literals, ...chosen);
    if (!compiler.alternatives.maybe(all)) continue;
    // Beyond what is asked for, counting more changes nothing.
    readings.push({ value: compiler.node(all, unique), counts });
  }
  return readings;
}

/** Most items, when all of them are counted by a `contains` that has a limit. */
function limitOfContains(part: ArrayPart, compiler: SchemaPlaces, numFirst: number): number {
  const [{ literals, max }] = part.contains;
  const others = literals.map((literal) => -literal);
  const all = Array.from({ length: numFirst + 1 }, (_, i) => joinLiterals(itemLiterals(part, i), others));
  return all.some((one) => compiler.alternatives.maybe(one)) ? Number.POSITIVE_INFINITY : max;
}

/** Different items must not run out before minItems. */
function requireEnough(part: ArrayPart, compiler: SchemaPlaces, pointer: string, numFirst: number): void {
  const literals = itemLiterals(part, numFirst);
  const parts = TYPES.flatMap((type) => compiler.alternatives.of(literals, type));
  const constants = new Set<string>();
  const isEnough = parts.some((one) => {
    if ('values' in one && one.values) for (const value of one.values) constants.add(JSON.stringify(value));
    else if (one.type === 'string' || one.type === 'number') {
      return compiler.lexer(one, true).hasTexts(part.min);
    }
    return constants.size >= part.min;
  });
  if (numFirst > 0 || part.contains.length > 0 || !isEnough) {
    const message = 'expected enough different strings, numbers or constants for minItems';
    throw faultOf('uniqueItems', pointer, message);
  }
}
