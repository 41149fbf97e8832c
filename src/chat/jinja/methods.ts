// Methods of texts, lists, tuples and dicts. Those that change a list or dict are not there, as in the sandbox
// that transformers uses; those that Python has and this file has not are refused by name.

import type { Budget } from '../budget.ts';
import { Arguments, type Named } from './bind.ts';
import { fail, isEqual, iterate, keyOf, SPACE, Tuple, textOf, type Value, View } from './values.ts';

type Method<T> = (self: T, args: readonly Value[], named: Named, budget: Budget) => Value;

const points = (text: string) => [...text];
const spaces = new RegExp(`[${SPACE}]`);

/** Python's strip, lstrip, rstrip: all characters of `chars`, or white space. */
export function strip(text: string, chars: string | undefined, sides: 'both' | 'left' | 'right'): string {
  const set = chars === undefined ? undefined : new Set(chars);
  const goes = (char: string) => (set ? set.has(char) : spaces.test(char));
  const all = points(text);
  let [begin, end] = [0, all.length];
  if (sides !== 'right') while (begin < end && goes(all[begin])) begin++;
  if (sides !== 'left') while (end > begin && goes(all[end - 1])) end--;
  return all.slice(begin, end).join('');
}

const LINE_ENDS = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`, 'g');

/** Python's splitlines: at more line ends than \n. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const match of text.matchAll(LINE_END)) {
    const end = match.index + match[0].length;
    lines.push(text.slice(from, keepEnds ? end : match.index));
    from = end;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

export function replaced(text: string, old: string, by: string, count: number, budget: Budget): string {
  const pieces = old === '' ? ['', ...points(text), ''] : text.split(old);
  const times = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1);
  budget.checkLength(text.length + times * by.length);
  if (times === pieces.length - 1) return pieces.join(by);
  return pieces.slice(0, times + 1).join(by) + (times < 1 ? '' : old) + pieces.slice(times + 1).join(old);
}

export function capitalized(text: string): string {
  const [first = '', ...rest] = points(text);
  return titled(first) + rest.join('').toLowerCase();
}

/** The upper case of a letter at the beginning of a word: ß is Ss there. */
function titled(char: string): string {
  const [first = '', ...rest] = points(char.toUpperCase());
  if (/[\u01c4-\u01cc\u01f1-\u01f3\u1f80-\u1fff]/.test(char))
    fail(`the title case of ${char}, which is not supported`);
  return first + rest.join('').toLowerCase();
}

function split(text: string, separator: string | undefined, limit: number): string[] {
  if (separator === '') fail('a separator that is not empty');
  if (separator !== undefined) {
    const pieces = text.split(separator);
    if (limit < 0 || pieces.length <= limit + 1) return pieces;
    return [...pieces.slice(0, limit), pieces.slice(limit).join(separator)];
  }
  const words: string[] = [];
  let rest = strip(text, undefined, 'left');
  const gap = new RegExp(`[${SPACE}]+`);
  while (rest !== '') {
    const match = limit >= 0 && words.length >= limit ? undefined : gap.exec(rest);
    words.push(match ? rest.slice(0, match.index) : rest);
    rest = match ? rest.slice(match.index + match[0].length) : '';
  }
  return words;
}

function rsplit(text: string, separator: string | undefined, limit: number): string[] {
  const turned = (word: string) => points(word).reverse().join('');
  const pieces = split(turned(text), separator && turned(separator), limit);
  return pieces.reverse().map(turned);
}

function partition(text: string, separator: string, at: number, isLast: boolean): Value {
  if (separator === '') fail('a separator that is not empty');
  if (at < 0) return new Tuple(isLast ? ['', '', text] : [text, '', '']);
  return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

/** Where `sub` is between `start` and `end`, in code points; -1 when nowhere. */
function find(name: string, isLast: boolean): Method<string> {
  return (text, args, named) => {
    const given = new Arguments(name, ['sub', 'start', 'end'], args, named);
    const all = points(text);
    const start = bound(given.maybeInt('start') ?? 0, all.length);
    const part = all.slice(start, bound(given.maybeInt('end') ?? all.length, all.length)).join('');
    const at = isLast ? part.lastIndexOf(given.text('sub')) : part.indexOf(given.text('sub'));
    if (at < 0 && name.endsWith('index')) fail('substring not found');
    return at < 0 ? -1 : start + points(part.slice(0, at)).length;
  };
}

const bound = (index: number, length: number) =>
  Math.min(length, index < 0 ? Math.max(0, index + length) : index);

function affix(name: string, test: (text: string, affix: string) => boolean): Method<string> {
  return (text, args, named) => {
    const given = new Arguments(name, ['prefix', 'start', 'end'], args, named);
    const all = points(text);
    const part = all.slice(
      bound(given.maybeInt('start') ?? 0, all.length),
      bound(given.maybeInt('end') ?? all.length, all.length),
    );
    const wanted = given.required('prefix');
    const affixes = wanted instanceof Tuple ? wanted.items : [wanted];
    return affixes.some((one) => test(part.join(''), textOf(one, name)));
  };
}

function justify(name: string, leftOf: (missing: number, width: number) => number): Method<string> {
  return (text, args, named, budget) => {
    const given = new Arguments(name, ['width', 'fillchar'], args, named);
    const width = given.int('width');
    const missing = Math.max(0, width - points(text).length);
    const fill = given.text('fillchar', ' ');
    if (points(fill).length !== 1) fail(`${name}: one character to fill with`);
    budget.checkLength(missing + text.length);
    const left = leftOf(missing, width);
    return fill.repeat(left) + text + fill.repeat(missing - left);
  };
}

export const centered = justify('center', (missing, width) => (missing >> 1) + (missing & width & 1));

function every(pattern: RegExp, mustAsk?: RegExp): Method<string> {
  return (text, args, named) => {
    new Arguments('a test of a text', [], args, named);
    if (mustAsk?.test(text)) fail('a test of digits that are not 0 to 9, which is not supported');
    return text !== '' && points(text).every((char) => pattern.test(char));
  };
}

function cased(isUpper: boolean): Method<string> {
  const [wanted, other] = [/[\p{Uppercase}]/u, /[\p{Lowercase}]/u];
  return (text, args, named) => {
    new Arguments('a test of a text', [], args, named);
    const has = (pattern: RegExp) => pattern.test(text);
    return has(isUpper ? wanted : other) && !has(isUpper ? other : wanted) && !/\p{Lt}/u.test(text);
  };
}

function stripper(name: string, sides: 'both' | 'left' | 'right'): Method<string> {
  return (text, args, named) =>
    strip(text, new Arguments(name, ['chars'], args, named).maybeText('chars'), sides);
}

function splitter(name: string, how: typeof split): Method<string> {
  return (text, args, named) => {
    const given = new Arguments(name, ['sep', 'maxsplit'], args, named);
    return how(text, given.maybeText('sep'), given.int('maxsplit', -1));
  };
}

/** A method without arguments. */
function plain(change: (text: string) => Value): Method<string> {
  return (text, args, named) => {
    new Arguments('this method', [], args, named);
    return change(text);
  };
}

function without(name: string, cutOff: (text: string, affix: string) => string): Method<string> {
  return (text, args, named) => cutOff(text, new Arguments(name, ['affix'], args, named).text('affix'));
}

/** Superscripts and circled digits are digits for Python too, numerals of other scripts are numeric. */
const OTHER_DIGITS = /^[\p{Nd}\p{No}]*\p{No}[\p{Nd}\p{No}]*$/u;
const OTHER_NUMERALS = /^(?:\p{Nd}*[\p{No}\p{Nl}\u4e00-\u9fff\u3400-\u4dbf]\p{Nd}*)+$/u;

export const TEXT_METHODS: Readonly<Record<string, Method<string>>> = {
  upper: plain((text) => text.toUpperCase()),
  lower: plain((text) => text.toLowerCase()),
  capitalize: plain(capitalized),
  title: plain((text) =>
    text.replace(/(\p{Cased})(\p{Cased}*)/gu, (_, first, rest) => titled(first) + rest.toLowerCase()),
  ),
  strip: stripper('strip', 'both'),
  lstrip: stripper('lstrip', 'left'),
  rstrip: stripper('rstrip', 'right'),
  split: splitter('split', split),
  rsplit: splitter('rsplit', rsplit),
  splitlines: (text, args, named) => {
    const keep = new Arguments('splitlines', ['keepends'], args, named).optional('keepends');
    return splitLines(text, keep === true);
  },
  partition: (text, args, named) => {
    const separator = new Arguments('partition', ['sep'], args, named).text('sep');
    return partition(text, separator, text.indexOf(separator), false);
  },
  rpartition: (text, args, named) => {
    const separator = new Arguments('rpartition', ['sep'], args, named).text('sep');
    return partition(text, separator, text.lastIndexOf(separator), true);
  },
  find: find('find', false),
  rfind: find('rfind', true),
  index: find('index', false),
  rindex: find('rindex', true),
  count: (text, args, named) => {
    const given = new Arguments('count', ['sub', 'start', 'end'], args, named);
    const all = points(text);
    const [start, end] = [given.maybeInt('start') ?? 0, given.maybeInt('end') ?? all.length];
    const part = all.slice(bound(start, all.length), bound(end, all.length)).join('');
    const sub = given.text('sub');
    return sub === '' ? points(part).length + 1 : part.split(sub).length - 1;
  },
  replace: (text, args, named, budget) => {
    const given = new Arguments('replace', ['old', 'new', 'count'], args, named);
    return replaced(text, given.text('old'), given.text('new'), given.int('count', -1), budget);
  },
  startswith: affix('startswith', (text, one) => text.startsWith(one)),
  endswith: affix('endswith', (text, one) => text.endsWith(one)),
  removeprefix: without('removeprefix', (text, one) =>
    text.startsWith(one) ? text.slice(one.length) : text,
  ),
  removesuffix: without('removesuffix', (text, one) =>
    one !== '' && text.endsWith(one) ? text.slice(0, -one.length) : text,
  ),
  join: (text, args, named, budget) => {
    const items = [...iterate(new Arguments('join', ['iterable'], args, named).required('iterable'))];
    const texts = items.map((item) => textOf(item, 'join'));
    budget.checkLength(texts.reduce((sum, item) => sum + item.length + text.length, 0));
    return texts.join(text);
  },
  center: centered,
  ljust: justify('ljust', () => 0),
  rjust: justify('rjust', (missing) => missing),
  zfill: (text, args, named, budget) => {
    const width = new Arguments('zfill', ['width'], args, named).int('width');
    budget.checkLength(width);
    const sign = /^[-+]/.exec(text)?.[0] ?? '';
    const missing = Math.max(0, width - points(text).length);
    return sign + '0'.repeat(missing) + text.slice(sign.length);
  },
  isalpha: every(/\p{L}/u),
  isalnum: every(/[\p{L}\p{N}]/u),
  isdecimal: every(/\p{Nd}/u),
  isdigit: every(/\p{Nd}/u, OTHER_DIGITS),
  isnumeric: every(/\p{Nd}/u, OTHER_NUMERALS),
  isspace: every(spaces),
  islower: cased(false),
  isupper: cased(true),
  isascii: plain((text) => !/[^\p{ASCII}]/u.test(text)),
};

export const DICT_METHODS: Readonly<Record<string, Method<Map<string | number, Value>>>> = {
  get: (dict, args, named) => {
    const given = new Arguments('get', ['key', 'default'], args, named);
    const key = given.required('key');
    const known = key === null || typeof key === 'boolean' ? undefined : dict.get(keyOf(key));
    return known === undefined ? (given.optional('default') ?? null) : known;
  },
  keys: (dict) => new View('keys', dict),
  values: (dict) => new View('values', dict),
  items: (dict) => new View('items', dict),
  copy: (dict) => new Map(dict),
};

export const LIST_METHODS: Readonly<Record<string, Method<readonly Value[]>>> = {
  index: (list, args, named) => {
    const wanted = new Arguments('index', ['value'], args, named).required('value');
    const at = list.findIndex((item) => isEqual(item, wanted));
    return at < 0 ? fail('a value that is in the list') : at;
  },
  count: (list, args, named) => {
    const wanted = new Arguments('count', ['value'], args, named).required('value');
    return list.filter((item) => isEqual(item, wanted)).length;
  },
  copy: (list) => [...list],
};

/** What Python's types have besides; a template that asks for it is refused, not given an undefined value. */
export const UNKNOWN_METHODS = {
  str: 'casefold encode expandtabs format_map isidentifier isprintable istitle maketrans swapcase translate'.split(
    ' ',
  ),
  int: 'real imag numerator denominator bit_length bit_count conjugate to_bytes from_bytes as_integer_ratio'.split(
    ' ',
  ),
  float: 'real imag conjugate fromhex hex is_integer as_integer_ratio'.split(' '),
  range: 'start stop step count index'.split(' '),
  view: 'mapping isdisjoint'.split(' '),
  callable: 'name arguments caller catch_kwargs catch_varargs explicit_caller current next reset'.split(' '),
};
