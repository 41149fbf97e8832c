// One section of a recipe file, read key by key: every value is checked where it is taken, and what nobody
// took is named at the end.

import { FormatError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { shown } from '../base/shown.ts';

/** Largest decay of a moment: 1 would divide by nothing. */
export const MOST_BETA = 0.99999999;

/** Largest seed. */
export const MOST_SEED = 2 ** 32 - 1;

/** Names of keys: `tokens.train_steps`, `data_stages[0].data.seed`. */
export class RecipeSection {
  readonly path: string;
  private readonly values: Readonly<Record<string, unknown>>;
  private readonly file: string;
  private readonly notices: string[];
  private readonly taken = new Set<string>();

  /** @throws FormatError unless `value` is a mapping; null and undefined are an empty one */
  constructor(value: unknown, path: string, file: string, notices: string[]) {
    this.path = path;
    this.file = file;
    this.notices = notices;
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isMapping && value !== undefined && value !== null) {
      throw new FormatError(`expected a mapping of keys, got ${shown(value)}`, { file, field: path });
    }
    this.values = (value ?? {}) as Record<string, unknown>;
  }

  /** The value as it stands; null counts as absent. */
  take(key: string): unknown {
    this.taken.add(key);
    return Object.hasOwn(this.values, key) ? (this.values[key] ?? undefined) : undefined;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.values, key) && this.values[key] !== null;
  }

  fail(key: string, expected: string, got: unknown): never {
    throw new FormatError(`expected ${expected}, got ${shown(got)}`, {
      file: this.file,
      field: this.where(key),
    });
  }

  /** A finite number from `least` to `most`. Numbers that yaml 1.1 leaves as text (`1e-5`) are numbers. */
  number(key: string, range: { fallback?: number; least?: number; most?: number } = {}): number {
    const { least = 0, most = Number.MAX_VALUE, fallback } = range;
    const taken = this.take(key) ?? fallback;
    const isText = typeof taken === 'string' && /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(taken);
    const value = isText ? Number(taken) : taken;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least || value > most) {
      const limits = most === Number.MAX_VALUE ? `at least ${least}` : `${least} to ${most}`;
      return this.fail(key, `a number, ${limits}`, taken);
    }
    return value;
  }

  /** A whole number from `least` on. */
  count(key: string, range: { fallback?: number; least?: number; most?: number } = {}): number {
    const { least = 1 } = range;
    const value = this.number(key, { ...range, least });
    if (!Number.isSafeInteger(value)) return this.fail(key, `a whole number of at least ${least}`, value);
    return value;
  }

  /** numpy's seeds, which nanotron's order is drawn by, have 32 bits. */
  seed(fallback: number): number {
    return this.count('seed', { fallback, least: 0, most: MOST_SEED });
  }

  optionalCount(key: string, least = 1): number | undefined {
    return this.has(key) ? this.count(key, { least }) : void this.taken.add(key);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.take(key) ?? fallback;
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false', value);
  }

  text(key: string): string | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === 'string') return value;
    return this.fail(key, 'a text', value);
  }

  /** One text or a list of them. */
  texts(key: string): string[] {
    const value = this.take(key) ?? [];
    const list = Array.isArray(value) ? value : [value];
    return list.every((item) => typeof item === 'string') ? list : this.fail(key, 'texts', value);
  }

  choice<Word extends string>(key: string, words: readonly Word[], fallback: Word): Word {
    const value = this.take(key) ?? fallback;
    return words.includes(value as Word) ? (value as Word) : this.fail(key, words.join(' or '), value);
  }

  list(key: string): readonly unknown[] {
    const value = this.take(key) ?? [];
    return Array.isArray(value) ? value : this.fail(key, 'a list', value);
  }

  section(key: string): RecipeSection {
    return this.sectionOf(this.take(key), key);
  }

  /** A section for a value found under `key`, such as one entry of a list (`data_stages[0]`). */
  sectionOf(value: unknown, key: string): RecipeSection {
    return new RecipeSection(value, this.where(key), this.file, this.notices);
  }

  /** Keys whose meaning does not reach a number here: parallel hardware, logs, uploads. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.taken.add(key);
  }

  /** Says something about a key that is understood but does nothing, or not what its writer may expect. */
  note(key: string, text: string): void {
    this.notices.push(`${this.where(key)}: ${text}`);
  }

  /** Names every key that was neither read nor ignored. */
  end(): void {
    for (const key of Object.keys(this.values)) {
      if (this.taken.has(key)) continue;
      const near = nearest(key, [...this.taken]);
      this.note(key, `unknown key, without effect${near ? `; did you mean ${near}?` : ''}`);
    }
  }

  private where(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}
