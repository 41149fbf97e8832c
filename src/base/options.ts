// Options of public functions, checked at the door against one table: an unknown name is refused and the near one
// named, a wrong kind is a TypeError, a wrong value a RangeError.

import { nearest } from './nearest.ts';

/** What one option may be. */
export interface Rule {
  /** As messages say it: "a whole number of at least 1". */
  readonly expected: string;
  /** The value is of the right kind. */
  readonly isKind: (value: unknown) => boolean;
  /** A value of the right kind is in its range. */
  readonly accepts?: (value: never) => boolean;
}

/** A row for every option of T: one that is forgotten does not compile. */
export type Rules<T> = { readonly [Name in keyof T]-?: Rule };

const isNumber = (value: unknown) => typeof value === 'number';

export function number(expected: string, accepts: (x: number) => boolean): Rule {
  return { expected, isKind: isNumber, accepts };
}

export function count(min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return number(`a whole number ${range}`, (x) => Number.isSafeInteger(x) && x >= min && x <= max);
}

export function oneOf(...words: readonly string[]): Rule {
  return {
    expected: words.join(' or '),
    isKind: (value) => typeof value === 'string',
    accepts: (word: string) => words.includes(word),
  };
}

export const flag: Rule = { expected: 'true or false', isKind: (value) => typeof value === 'boolean' };
export const text: Rule = { expected: 'a text', isKind: (value) => typeof value === 'string' };
export const callback: Rule = { expected: 'a function', isKind: (value) => typeof value === 'function' };
export const signal: Rule = {
  expected: 'an AbortSignal',
  isKind: (value) => isObject(value) && typeof (value as AbortSignal).addEventListener === 'function',
};
/** Whatever checks itself where it is used. */
export const object: Rule = { expected: 'an object', isKind: isObject };

export function listOf(expected: string, isItem: (value: unknown) => boolean): Rule {
  return { expected, isKind: (value) => Array.isArray(value) && value.every(isItem) };
}

/** Names that other libraries give to what stands at the left. */
const KNOWN_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  maxTokens: ['max_new_tokens', 'max_completion_tokens', 'n_predict', 'num_predict', 'max_length'],
  contextOverflow: ['truncation', 'truncate'],
  temperature: ['do_sample', 'temp'],
  repetitionPenalty: ['repeat_penalty'],
  ignoreEos: ['ignore_eos'],
  cacheType: ['dtype', 'cache_type_k', 'kv_cache_type'],
  maxSeqLen: ['n_ctx', 'num_ctx', 'context_length', 'contextSize', 'max_seq_len'],
  engine: ['device', 'backend'],
  threads: ['n_threads', 'num_threads', 'numThreads'],
  onDownload: ['progress_callback'],
  fetch: ['fetcher'],
};

/**
 * The options, once every one of them is known and right; an option that is undefined counts as left out.
 *
 * @param owner who takes them, such as `load()`
 * @throws TypeError  for what is no object, an unknown name, or a value of the wrong kind
 * @throws RangeError for a value out of its range
 */
export function checkOptions<T extends object>(owner: string, options: T | undefined, rules: Rules<T>): T {
  if (options === undefined || options === null) return {} as T;
  if (!isObject(options) || Array.isArray(options)) {
    throw new TypeError(`${owner}: expected an object of options, got ${kindOf(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(owner, name, Object.keys(rules));
    if (value === undefined) continue;
    const { expected, isKind, accepts } = rules[name as keyof T] as Rule;
    if (!isKind(value)) throw new TypeError(`${name}: expected ${expected}, got ${kindOf(value)}`);
    if (accepts && !accepts(value as never)) {
      throw new RangeError(`${name}: expected ${expected}, got ${shownValue(value)}`);
    }
  }
  return options;
}

function unknownOption(owner: string, name: string, names: readonly string[]): TypeError {
  const meant =
    names.find((known) => KNOWN_ELSEWHERE[known]?.includes(name)) ?? nearest(name.slice(0, 40), names);
  const hint = meant ? `did you mean ${meant}?` : `it takes ${names.join(', ')}`;
  return new TypeError(
    `${name.slice(0, 40)}: expected an option of ${owner}, got one that it has not; ${hint}`,
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** What a value is, in a word or two. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : typeof value;
}

function shownValue(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}
