// Regular expressions as JSON schema means them (ECMAScript with the u flag), read into a tree. Matching is done by
// our own automata (regex-dfa.ts): a pattern from outside never reaches the host's engine.

import { GrammarError } from '../base/errors.ts';
import { MAX_CODE_POINT } from './dfa.ts';

/** Ranges of code points, both ends included, rising, apart. */
export type Ranges = readonly (readonly [number, number])[];

export type Regex =
  | { readonly kind: 'set'; readonly ranges: Ranges }
  | { readonly kind: 'sequence'; readonly items: readonly Regex[] }
  | { readonly kind: 'choice'; readonly items: readonly Regex[] }
  | { readonly kind: 'repeat'; readonly item: Regex; readonly min: number; readonly max: number }
  | { readonly kind: 'begin' | 'end' }
  | { readonly kind: 'look'; readonly item: Regex; readonly negative: boolean };

/** Longest pattern, deepest nesting and largest count that are read. */
const MAX_LENGTH = 16_384;
const MAX_DEPTH = 100;
const MAX_REPEAT = 10_000;

export function mergeRanges(ranges: readonly (readonly [number, number])[]): Ranges {
  const merged: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged[merged.length - 1];
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

export function complement(ranges: Ranges): Ranges {
  const outside: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges) {
    if (low > from) outside.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= MAX_CODE_POINT) outside.push([from, MAX_CODE_POINT]);
  return outside;
}

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = mergeRanges([...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const SPACE: Ranges = mergeRanges([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const CLASSES: Readonly<Record<string, Ranges>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
/** `.`: all but line ends. */
export const DOT: Ranges = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/**
 * Reads a pattern.
 *
 * @throws GrammarError  when it is broken, or uses what no finite automaton does (backreferences) or ours does not
 *   (word boundaries, look-behind, Unicode properties)
 */
export function parseRegex(pattern: string): Regex {
  if (pattern.length > MAX_LENGTH) {
    throw new GrammarError(
      `expected a pattern of at most ${MAX_LENGTH} characters, got ${pattern.length}`,
      '#',
    );
  }
  return new RegexReader(pattern).read();
}

class RegexReader {
  private at = 0;
  private depth = 0;
  private readonly text: readonly string[];
  private readonly pattern: string;

  constructor(pattern: string) {
    this.pattern = pattern;
    this.text = Array.from(pattern);
  }

  read(): Regex {
    const regex = this.choice();
    if (this.at < this.text.length) this.refuse(`an unmatched )`);
    return regex;
  }

  private refuse(what: string): never {
    throw new GrammarError(
      `regular expression ${JSON.stringify(this.pattern.slice(0, 80))}: ${what} at character ${this.at}`,
      '#',
    );
  }

  private peek(text: string): boolean {
    return Array.from(text).every((character, i) => this.text[this.at + i] === character);
  }

  private eat(text: string): boolean {
    if (!this.peek(text)) return false;
    this.at += text.length;
    return true;
  }

  private choice(): Regex {
    if (++this.depth > MAX_DEPTH) this.refuse('groups nested too deeply');
    const items = [this.sequence()];
    while (this.eat('|')) items.push(this.sequence());
    this.depth--;
    return items.length === 1 ? items[0] : { kind: 'choice', items };
  }

  private sequence(): Regex {
    const items: Regex[] = [];
    while (this.at < this.text.length && !this.peek('|') && !this.peek(')')) {
      const item = this.quantified(this.atom());
      items.push(item);
    }
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  private quantified(item: Regex): Regex {
    const range = this.quantifier();
    if (!range) return item;
    this.eat('?'); // lazy and greedy match the same texts
    if (this.peek('*') || this.peek('+') || this.peek('?')) this.refuse('nothing to repeat');
    return { kind: 'repeat', item, min: range[0], max: range[1] };
  }

  private quantifier(): readonly [number, number] | undefined {
    if (this.eat('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.eat('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.eat('?')) return [0, 1];
    if (!this.peek('{')) return undefined;
    const close = this.text.indexOf('}', this.at);
    const inside = /^(\d+)(,(\d*))?$/.exec(
      this.text.slice(this.at + 1, close < 0 ? this.at + 1 : close).join(''),
    );
    if (!inside) return undefined; // a brace that means itself
    const min = Number(inside[1]);
    const max =
      inside[2] === undefined ? min : inside[3] === '' ? Number.POSITIVE_INFINITY : Number(inside[3]);
    if (max < min) this.refuse('a count that falls');
    if (min > MAX_REPEAT || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY)) {
      this.refuse(`a count above ${MAX_REPEAT}`);
    }
    this.at = close + 1;
    return [min, max];
  }

  private atom(): Regex {
    if (this.eat('^')) return { kind: 'begin' };
    if (this.eat('$')) return { kind: 'end' };
    if (this.eat('.')) return { kind: 'set', ranges: DOT };
    if (this.eat('(')) return this.group();
    if (this.eat('[')) return { kind: 'set', ranges: this.characterClass() };
    if (this.peek('*') || this.peek('+') || this.peek('?')) this.refuse('nothing to repeat');
    if (this.eat('\\')) return { kind: 'set', ranges: this.escape(false) };
    const point = this.text[this.at++].codePointAt(0) as number;
    return { kind: 'set', ranges: [[point, point]] };
  }

  private group(): Regex {
    let look: boolean | undefined;
    if (this.eat('?=')) look = false;
    else if (this.eat('?!')) look = true;
    else if (this.eat('?:')) look = undefined;
    else if (this.peek('?<=') || this.peek('?<!')) this.refuse('look-behind is not supported');
    else if (this.eat('?<')) {
      while (this.at < this.text.length && !this.eat('>')) this.at++;
    } else if (this.peek('?')) this.refuse('inline flags are not supported');
    const item = this.choice();
    if (!this.eat(')')) this.refuse('a group without )');
    return look === undefined ? item : { kind: 'look', item, negative: look };
  }

  private characterClass(): Ranges {
    const negated = this.eat('^');
    const ranges: (readonly [number, number])[] = [];
    while (!this.eat(']')) {
      if (this.at >= this.text.length) this.refuse('a class without ]');
      const from = this.classMember();
      const isRange = this.peek('-') && this.text[this.at + 1] !== ']' && this.at + 1 < this.text.length;
      if (!isRange || from.length !== 1 || from[0][0] !== from[0][1]) {
        ranges.push(...from);
        continue;
      }
      this.at++;
      const to = this.classMember();
      if (to.length !== 1 || to[0][0] !== to[0][1]) ranges.push(...from, [0x2d, 0x2d], ...to);
      else if (to[0][0] < from[0][0]) this.refuse('a range that falls');
      else ranges.push([from[0][0], to[0][0]]);
    }
    const merged = mergeRanges(ranges);
    return negated ? complement(merged) : merged;
  }

  private classMember(): Ranges {
    if (this.eat('\\')) return this.escape(true);
    const point = this.text[this.at++].codePointAt(0) as number;
    return [[point, point]];
  }

  private escape(inClass: boolean): Ranges {
    if (this.at >= this.text.length) this.refuse('a lone backslash');
    const letter = this.text[this.at++];
    if (Object.hasOwn(CLASSES, letter)) return CLASSES[letter];
    if (inClass && letter === 'b') return [[8, 8]];
    const single = (point: number): Ranges => [[point, point]];
    if (letter === '0' && /\d/.test(this.text[this.at] ?? '')) this.refuse('octal escapes are not supported');
    if (Object.hasOwn(CONTROLS, letter)) return single(CONTROLS[letter]);
    if (letter === 'x') return single(this.hex(2));
    if (letter === 'u') return single(this.unicodeEscape());
    if (letter === 'c' && /[A-Za-z]/.test(this.text[this.at] ?? '')) {
      return single((this.text[this.at++].codePointAt(0) as number) % 32);
    }
    if (/[1-9]/.test(letter)) this.refuse('backreferences are not supported');
    if (/[bBpPkc]/.test(letter)) this.refuse(`\\${letter} is not supported`);
    if (/[A-Za-z]/.test(letter)) this.refuse(`unknown escape \\${letter}`);
    return single(letter.codePointAt(0) as number);
  }

  private unicodeEscape(): number {
    if (this.eat('{')) {
      const close = this.text.indexOf('}', this.at);
      const digits = this.text.slice(this.at, close).join('');
      if (close < 0 || !/^[0-9a-fA-F]{1,6}$/.test(digits)) this.refuse('a broken \\u{…}');
      this.at = close + 1;
      const point = Number.parseInt(digits, 16);
      return point <= MAX_CODE_POINT ? point : this.refuse('a code point above 10FFFF');
    }
    const high = this.hex(4);
    if (high < 0xd800 || high > 0xdbff || !this.eat('\\u')) return high;
    const low = this.hex(4);
    if (low < 0xdc00 || low > 0xdfff) this.refuse('a lone surrogate');
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }

  private hex(length: number): number {
    const digits = this.text.slice(this.at, this.at + length).join('');
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) this.refuse('broken hexadecimal digits');
    this.at += length;
    return Number.parseInt(digits, 16);
  }
}
