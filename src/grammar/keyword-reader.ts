// The keywords of a schema that hold plain values: checked and read.

import { shown } from '../base/shown.ts';
import {
  faultOf,
  isObject,
  type Json,
  type JsonObject,
  type JsonType,
  type NumberKeywords,
  type StringKeywords,
  TYPES,
} from './json.ts';

/** Checks and reads the keywords that hold plain values. */
export class KeywordReader {
  private readonly json: JsonObject;
  private readonly pointer: string;

  constructor(json: JsonObject, pointer: string) {
    this.json = json;
    this.pointer = pointer;
  }

  private refuse(keyword: string, expected: string): never {
    const got = shown(this.json[keyword]);
    throw faultOf(keyword, this.pointer, `expected ${expected}, got ${got}`);
  }

  count(keyword: string): number | undefined {
    const value = this.json[keyword];
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      this.refuse(keyword, 'a whole number');
    return value as number;
  }

  boolean(keyword: string): boolean | undefined {
    const value = this.json[keyword];
    if (value !== undefined && typeof value !== 'boolean') this.refuse(keyword, 'true or false');
    return value as boolean | undefined;
  }

  names(keyword: string): string[] {
    // Draft 3 wrote `required: true` inside a property: refused, too.
    const { [keyword]: value = [] } = this.json;
    if (!Array.isArray(value) || !value.every((name: Json) => typeof name === 'string')) {
      this.refuse(keyword, 'a list of names');
    }
    return [...new Set(value as string[])];
  }

  types(): Set<JsonType | 'integer'> | undefined {
    const { type } = this.json;
    if (type === undefined) return undefined;
    const list: readonly Json[] = Array.isArray(type) ? type : [type as Json];
    const known = [...TYPES, 'integer'];
    if (list.length === 0 || !list.every((name) => typeof name === 'string' && known.includes(name))) {
      this.refuse('type', `one or more of ${known.join(', ')}`);
    }
    return new Set(list as (JsonType | 'integer')[]);
  }

  values(): readonly Json[] | undefined {
    const { enum: list } = this.json;
    if (list !== undefined && !Array.isArray(list)) this.refuse('enum', 'a list of values');
    if (!Object.hasOwn(this.json, 'const')) return list as readonly Json[] | undefined;
    const constant = this.json.const as Json;
    const key = canonicalJson(constant);
    return list && !(list as Json[]).some((value) => canonicalJson(value) === key) ? [] : [constant];
  }

  number(): NumberKeywords {
    const number = (keyword: string) => {
      const value = this.json[keyword];
      if (value === undefined) return undefined;
      return typeof value === 'number' && Number.isFinite(value) ? value : this.refuse(keyword, 'a number');
    };
    const minimum = number('minimum');
    const maximum = number('maximum');
    // Draft 4: `exclusiveMinimum: true` says how `minimum` is meant.
    const exclusive = (keyword: string, limit: number | undefined) => {
      const value = this.json[keyword];
      return typeof value === 'boolean' ? (value ? limit : undefined) : number(keyword);
    };
    const multipleOf = number('multipleOf');
    if (multipleOf !== undefined && multipleOf <= 0) this.refuse('multipleOf', 'a number above 0');
    return {
      minimum,
      maximum,
      exclusiveMinimum: exclusive('exclusiveMinimum', minimum),
      exclusiveMaximum: exclusive('exclusiveMaximum', maximum),
      multipleOf,
    };
  }

  string(): StringKeywords {
    const text = (keyword: string) => {
      const value = this.json[keyword];
      if (value === undefined) return undefined;
      return typeof value === 'string' ? value : this.refuse(keyword, 'a text');
    };
    return {
      minLength: this.count('minLength'),
      maxLength: this.count('maxLength'),
      pattern: text('pattern'),
      format: text('format'),
    };
  }
}

/** Equal for equal values, whatever the order of members. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join()}}`;
}
