// A schema as alternatives: for each type of value, a list of parts (parts.ts) of which one must hold. `allOf` and
// `$ref` multiply lists, `anyOf` joins them, `not` turns the keywords round one by one (De Morgan), `oneOf` is one
// schema and none of the others that could hold beside it, `if` is two cases. All of it is exact: what has no exact
// form is refused where it is met.

import { GrammarError } from '../base/errors.ts';
import { freeOrders, tells, unevaluated, untold } from './evaluated.ts';
import { faultOf, isObject, type Json, type JsonType, TYPES } from './json.ts';
import { keywordFaults, keywordPart, typeAllows, withProperty, yes } from './keyword-parts.ts';
import type { Languages } from './languages.ts';
import { obeys } from './number-language.ts';
import {
  ANY_NUMBER,
  ANY_STRING,
  anyPart,
  joinLiterals,
  type Literals,
  meetParts,
  type ObjectPart,
  type Part,
  type PartType,
  partKey,
} from './parts.ts';
import type { Schema, SchemaReader } from './schema.ts';

/** Most alternatives of one type at one place, and most meetings of parts in a whole schema. */
const MAX_ALTERNATIVES = 256;
const MAX_WORK = 120_000;
/** How deep `maybe` looks into properties and items before it says "maybe". */
const MAX_LOOK = 3;

export class Alternatives {
  private readonly reader: SchemaReader;
  private readonly languages: Languages;
  private readonly never: Schema;
  private readonly hasUnevaluated: boolean;
  private readonly kept = new Map<string, readonly Part[]>();
  private readonly possible = new Map<string, boolean>();
  private readonly active = new Set<string>();
  private look = 0;
  private work = 0;

  constructor(reader: SchemaReader, languages: Languages) {
    this.reader = reader;
    this.languages = languages;
    this.hasUnevaluated = reader.schemas.some(({ array, object }) => array.unevaluated || object.unevaluated);
    this.never = reader.make('#', { always: false });
  }

  /** Names the schema that nothing satisfies. */
  get neverLiteral(): number {
    return yes(this.never);
  }

  /** What a value of `type` may be where all `literals` hold. */
  of(literals: Literals, type: PartType): readonly Part[] {
    const key = `all ${literals.join()} ${type}`;
    const known = this.kept.get(key);
    if (known) return known;
    let parts: readonly Part[] = [anyPart(type)];
    for (const literal of literals) {
      const schema = this.reader.schemas[Math.abs(literal) - 1];
      parts = this.product(parts, this.single(schema, literal > 0, type), schema);
    }
    this.kept.set(key, parts);
    return parts;
  }

  /** Whether some value obeys the literals, as far as a short look can tell: never false for one that is possible. */
  maybe(literals: Literals): boolean {
    if (literals.length === 0) return true;
    if (literals.some((literal) => literals.includes(-literal))) return false;
    const key = literals.join();
    const known = this.possible.get(key);
    if (known !== undefined) return known;
    if (this.look >= MAX_LOOK) return true;
    this.look++;
    const { active } = this;
    const before = new Set(active);
    try {
      const is = TYPES.some((type) => this.of(literals, type).length > 0);
      this.possible.set(key, is);
      return is;
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      active.clear();
      for (const entry of before) active.add(entry);
      return true;
    } finally {
      this.look--;
    }
  }

  /** What holds for the value of a property. */
  propertyLiterals(part: ObjectPart, name: string): Literals {
    const matching = part.patterns.filter(({ source }) => this.matches(source, name));
    const others = part.others.filter(({ names, patterns }) => {
      return !names.has(name) && !patterns.some((source) => this.matches(source, name));
    });
    const own = part.properties.get(name)?.literals ?? [];
    return joinLiterals(own, ...matching.map((p) => p.literals), ...others.map((o) => o.literals));
  }

  matches(source: string, name: string): boolean {
    return this.languages.holds({ ...ANY_STRING, yes: [`/${source}`] }, name);
  }

  /** One schema, or its negation. */
  private single(schema: Schema, positive: boolean, type: PartType): readonly Part[] {
    const key = `${positive ? 'yes' : 'no'} ${schema.id} ${type}`;
    const known = this.kept.get(key);
    if (known) return known;
    if (this.active.has(key)) {
      throw faultOf('$ref', schema.pointer, 'expected a reference that leads somewhere, got a loop');
    }
    if (this.active.size > 400)
      throw new GrammarError('expected references less deep', schema.pointer, '$ref');
    this.active.add(key);
    let parts: readonly Part[];
    if (schema.always !== undefined) parts = schema.always === positive ? [anyPart(type)] : [];
    else parts = positive ? this.positive(schema, type) : this.negative(schema, type);
    this.active.delete(key);
    this.kept.set(key, parts);
    return parts;
  }

  private positive(schema: Schema, type: PartType): readonly Part[] {
    let parts = this.own(schema, type);
    for (const part of [schema.ref, ...schema.allOf]) {
      if (part && parts.length > 0) parts = this.product(parts, this.single(part, true, type), schema);
    }
    if (parts.length === 0) return [];
    if (schema.anyOf) parts = this.product(parts, this.any(schema.anyOf, schema, type), schema);
    if (schema.oneOf) parts = this.one(parts, schema.oneOf, schema, type);
    if (schema.not) parts = this.product(parts, this.single(schema.not, false, type), schema);
    if (schema.ifThenElse) {
      const [condition, then, otherwise] = schema.ifThenElse;
      const either = (positive: boolean, next: Schema | undefined) => {
        const some = this.product(parts, this.single(condition, positive, type), schema);
        return next ? this.product(some, this.single(next, true, type), schema) : some;
      };
      // Without `then` and `else` the condition changes nothing.
      if (then || otherwise)
        parts = this.distinct([...either(true, then), ...either(false, otherwise)], schema);
    }
    if (type === 'object') {
      for (const [name, rule] of schema.object.dependencies) {
        const without = this.product(parts, [withProperty(name, [yes(this.never)], false)], schema);
        const having = this.product(parts, [withProperty(name, [], true)], schema);
        parts = this.distinct(
          [...without, ...this.product(having, this.single(rule, true, type), schema)],
          schema,
        );
      }
    }
    return parts.map((part) => unevaluated(part, schema));
  }

  /** Types, values and the keywords of the type. */
  private own(schema: Schema, type: PartType): readonly Part[] {
    const allowed = typeAllows(schema, type);
    if (allowed === 'none') return [];
    let parts: readonly Part[] = schema.values
      ? this.valueParts(schema.values, schema, type)
      : [anyPart(type)];
    const part = keywordPart(schema, type);
    if (part) parts = this.product(parts, [part], schema);
    return parts;
  }

  /** The values of an enumeration that are of a type. */
  private valueParts(values: readonly Json[], schema: Schema, type: PartType): readonly Part[] {
    const fitting = values.filter((value) => typeOf(value) === type);
    if (fitting.length === 0) return [];
    if (type === 'number') return [{ ...ANY_NUMBER, values: fitting as number[] }];
    if (type === 'string') return [{ ...ANY_STRING, values: fitting as string[] }];
    if (type === 'null' || type === 'boolean') return [{ type, values: fitting }];
    return this.distinct(
      // A constant looks at no members, unlike the keywords it is written out as.
      fitting.flatMap((value) => this.single(this.structure(value, schema), true, type)).map(untold),
      schema,
    );
  }

  /** An array or object that is a constant, as a schema. */
  private structure(value: Json, { pointer }: Schema): Schema {
    const { reader } = this;
    if (Array.isArray(value)) {
      const prefix = value.map((item: Json) => reader.constant(item, pointer));
      const array = {
        prefix,
        minItems: value.length,
        maxItems: value.length,
        uniqueItems: false,
        minContains: 1,
      };
      return reader.make(pointer, { types: new Set<JsonType>(['array']), array });
    }
    const members = Object.entries(isObject(value) ? value : {});
    const object = {
      properties: new Map(members.map(([name, member]) => [name, reader.constant(member as Json, pointer)])),
      patterns: new Map(),
      required: members.map(([name]) => name),
      additional: this.never,
      dependencies: new Map(),
    };
    return reader.make(pointer, { types: new Set<JsonType>(['object']), object });
  }

  /** At least one of the schemas; where unevaluated members matter, every set of them that may hold. */
  private any(schemas: readonly Schema[], at: Schema, type: PartType): readonly Part[] {
    const each = schemas.map((schema) => this.single(schema, true, type));
    if (!this.isTold(each.flat())) return this.distinct(freeOrders(each.flat()), at);
    let sets: readonly Part[] = [];
    for (const parts of each) {
      sets = this.distinct([...sets, ...parts, ...this.product(sets, parts, at)], at);
    }
    return sets;
  }

  /** Whether it matters which members the parts have looked at. */
  private isTold(parts: readonly Part[]): boolean {
    return this.hasUnevaluated && parts.some(tells);
  }

  /** Exactly one of the schemas. Those that cannot hold beside it need not be negated. */
  private one(
    base: readonly Part[],
    schemas: readonly Schema[],
    at: Schema,
    type: PartType,
  ): readonly Part[] {
    const each = schemas.map((schema) => this.product(base, this.single(schema, true, type), at));
    const parts = each.flatMap((own, i) => {
      let rest: readonly Part[] = own;
      for (let j = 0; j < schemas.length && rest.length > 0; j++) {
        if (j === i || each[j].length === 0) continue;
        const together = rest.some((part) => this.product([part], each[j], at).length > 0);
        if (together) rest = this.product(rest, this.single(schemas[j], false, type), at);
      }
      return rest;
    });
    return this.distinct(freeOrders(parts), at);
  }

  private negative(schema: Schema, type: PartType): readonly Part[] {
    const allowed = typeAllows(schema, type);
    if (allowed === 'none') return [anyPart(type)];
    if (schema.object.unevaluated || schema.array.unevaluated) {
      const keyword = schema.object.unevaluated ? 'unevaluatedProperties' : 'unevaluatedItems';
      throw faultOf(keyword, schema.pointer, `${keyword} cannot be negated`);
    }
    const parts: Part[] = [...keywordFaults(schema, type, this.never)];
    if (schema.values) parts.push(...this.otherValues(schema.values, schema, type));
    for (const part of [schema.ref, ...schema.allOf]) if (part) parts.push(...this.single(part, false, type));
    if (schema.anyOf) parts.push(...this.none(schema.anyOf, schema, type));
    if (schema.oneOf) parts.push(...this.notOne(schema.oneOf, schema, type));
    if (schema.not) parts.push(...this.single(schema.not, true, type));
    if (schema.ifThenElse) {
      const [condition, then, otherwise] = schema.ifThenElse;
      const broken = (positive: boolean, next: Schema | undefined) =>
        next
          ? this.product(this.single(condition, positive, type), this.single(next, false, type), schema)
          : [];
      parts.push(...broken(true, then), ...broken(false, otherwise));
    }
    if (type === 'object') {
      for (const [name, rule] of schema.object.dependencies) {
        parts.push(...this.product([withProperty(name, [], true)], this.single(rule, false, type), schema));
      }
    }
    return this.distinct(parts.map(untold), schema);
  }

  private none(schemas: readonly Schema[], at: Schema, type: PartType): readonly Part[] {
    let parts: readonly Part[] = [anyPart(type)];
    for (const schema of schemas) parts = this.product(parts, this.single(schema, false, type), at);
    return parts;
  }

  /** None of the schemas, or two. */
  private notOne(schemas: readonly Schema[], at: Schema, type: PartType): readonly Part[] {
    const parts = [...this.none(schemas, at, type)];
    schemas.forEach((a, i) => {
      for (const b of schemas.slice(i + 1)) {
        parts.push(...this.product(this.single(a, true, type), this.single(b, true, type), at));
      }
    });
    return this.distinct(parts, at);
  }

  /** Values of a type that are none of an enumeration. */
  private otherValues(values: readonly Json[], schema: Schema, type: PartType): readonly Part[] {
    const fitting = values.filter((value) => typeOf(value) === type);
    if (fitting.length === 0) return [anyPart(type)];
    if (type === 'number') {
      const bounds = (fitting as number[]).map((value) => ({ relation: '!=' as const, value }));
      return [{ ...ANY_NUMBER, rules: { ...ANY_NUMBER.rules, bounds } }];
    }
    if (type === 'string') return [{ ...ANY_STRING, no: (fitting as string[]).map((value) => `=${value}`) }];
    if (type === 'null' || type === 'boolean') {
      const left = (type === 'null' ? [null] : [true, false]).filter((value) => !fitting.includes(value));
      return left.length > 0 ? [{ type, values: left }] : [];
    }
    let parts: readonly Part[] = [anyPart(type)];
    for (const value of fitting) {
      parts = this.product(parts, this.single(this.structure(value, schema), false, type), schema);
    }
    return parts;
  }

  /** Pairs of both lists that can hold together. */
  private product(a: readonly Part[], b: readonly Part[], at: Schema): readonly Part[] {
    if (a.length === 0 || b.length === 0) return [];
    const parts: Part[] = [];
    for (const x of a) {
      for (const y of b) {
        if (++this.work > MAX_WORK) throw tooLarge(at);
        const met = meetParts(x, y);
        const kept = met && this.prune(met);
        if (kept) parts.push(kept);
      }
    }
    return this.distinct(parts, at);
  }

  /** The part without constants that break its rules; undefined when nothing is left of it. */
  private prune(part: Part): Part | undefined {
    if (part.type === 'number' && part.values) {
      const values = part.values.filter((value) => obeys(value, part.rules));
      return values.length > 0 ? { ...ANY_NUMBER, values } : undefined;
    }
    if (part.type === 'string' && part.values) {
      const values = part.values.filter((value) => this.languages.holds(part, value));
      return values.length > 0 ? { ...ANY_STRING, values } : undefined;
    }
    if (part.type === 'string' && part.yes.length + part.no.length > 1) {
      return this.languages.isEmpty(part) ? undefined : part;
    }
    if (part.type === 'array') {
      const impossible = part.prefix.findIndex((literals) => !this.maybe(literals));
      if (impossible >= 0 && impossible < part.min) return undefined;
    }
    if (part.type === 'object') {
      for (const [name, { required }] of part.properties) {
        if (required && !this.maybe(this.propertyLiterals(part, name))) return undefined;
      }
    }
    return part;
  }

  /** Each part once, and only the whole type where that is one of them and the others tell no more. */
  private distinct(parts: readonly Part[], at: Schema): readonly Part[] {
    if (parts.length < 2) return parts;
    const byKey = new Map(parts.map((part) => [partKey(part), part]));
    const whole = byKey.get(partKey(anyPart(parts[0].type)));
    if (whole && !this.isTold(parts)) return [whole];
    if (byKey.size > MAX_ALTERNATIVES) throw tooLarge(at);
    return [...byKey.values()];
  }
}

function tooLarge({ pointer }: Schema): GrammarError {
  return new GrammarError(
    'expected fewer combinations of alternatives; make the cases of anyOf, oneOf or not simpler',
    pointer,
  );
}

function typeOf(value: Json): PartType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as PartType;
}
