// The members of a request, read one by one: each has a kind and a range, null counts as absent, members that nobody
// asks for are left alone, and a wrong one is named.

import { shown } from '../base/shown.ts';
import { type RequestError, wrongValue } from './errors.ts';

export class Fields {
  private readonly object: Readonly<Record<string, unknown>>;
  private readonly path: string;

  /** @param path  where the object stands, as messages name it; '' for the request itself */
  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrongValue(path || 'body', `expected an object, got ${shown(value)}`, 'invalid_type');
    }
    this.object = value as Record<string, unknown>;
    this.path = path;
  }

  /** Where a member stands. */
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** A member as it came; null and inherited ones are none. */
  raw(name: string): unknown {
    return Object.hasOwn(this.object, name) ? (this.object[name] ?? undefined) : undefined;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  wrong(name: string, expected: string, code = 'invalid_value'): RequestError {
    return wrongValue(this.at(name), `expected ${expected}, got ${shown(this.raw(name))}`, code);
  }

  text(name: string, maxLength = Number.POSITIVE_INFINITY): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw this.wrong(name, 'a text', 'invalid_type');
    if (value.length <= maxLength) return value;
    throw wrongValue(this.at(name), `expected at most ${maxLength} characters, got ${value.length}`);
  }

  number(name: string, min: number, max: number): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number') throw this.wrong(name, 'a number', 'invalid_type');
    if (value >= min && value <= max) return value;
    throw this.wrong(name, Number.isFinite(max) ? `${min} to ${max}` : `a finite number of at least ${min}`);
  }

  count(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number') throw this.wrong(name, 'a whole number', 'invalid_type');
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw this.wrong(name, `a whole number ${range}`);
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false', 'invalid_type');
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!words.includes(value as Word)) throw this.wrong(name, words.join(' or '));
    return value as Word;
  }

  child(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new Fields(value, this.at(name));
  }

  list(name: string, max: number): readonly unknown[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(name, 'a list', 'invalid_type');
    if (value.length <= max) return value;
    throw wrongValue(this.at(name), `expected at most ${max} items, got ${value.length}`);
  }

  /** Refuses members that would change the answer and cannot be honoured. */
  refuse(names: readonly string[], instead: string): void {
    const name = names.find((one) => this.has(one));
    if (name === undefined) return;
    throw wrongValue(this.at(name), `expected none, got ${shown(this.raw(name))}; ${instead}`, 'unsupported');
  }
}
