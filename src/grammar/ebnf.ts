// Grammars written as rules, in llama.cpp's GBNF (`root ::= "a" item*`); `=` for `::=`, single quotes and a `;` at the
// end of a rule are read too. Here they become trees; rule-state.ts runs them.

import { GrammarError } from '../base/errors.ts';
import { mergeRanges, complement as outside, type Ranges } from './regex.ts';

/** A right-hand side. */
export type Expression =
  | { readonly kind: 'set'; readonly ranges: Ranges }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly item: Expression; readonly min: number; readonly max: number };

const MAX_LENGTH = 2 ** 18;
const MAX_DEPTH = 100;
const MAX_REPEAT = 10_000;
/** Each rule may be inside the one before: so deep are the trees that are walked. */
const MAX_RULES = 1000;

/**
 * Reads a grammar into its rules.
 *
 * @throws GrammarError  with line and column, when it is broken or names a rule that is not there
 */
export function parseEbnf(text: string): ReadonlyMap<string, Expression> {
  if (text.length > MAX_LENGTH) {
    throw new GrammarError(
      `expected a grammar of at most ${MAX_LENGTH} characters, got ${text.length}`,
      'line 1',
    );
  }
  return new EbnfReader(text).read();
}

const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y;
const BLANK = /(?:[ \t\r\n]|#[^\n]*|\/\/[^\n]*)*/y;
const DEFINES = /(?:::=|:=|=)/y;

class EbnfReader {
  private at = 0;
  private depth = 0;
  private readonly text: string;
  private readonly rules = new Map<string, Expression>();
  /** Where each rule is named, for those that are missing. */
  private readonly uses = new Map<string, number>();

  constructor(text: string) {
    this.text = text;
  }

  read(): ReadonlyMap<string, Expression> {
    this.blank();
    while (this.at < this.text.length) {
      const start = this.at;
      const name = this.match(NAME);
      this.blank();
      if (!name || !this.match(DEFINES)) this.refuse('expected a rule `name ::= …`', start);
      if (this.rules.size >= MAX_RULES) this.refuse(`expected at most ${MAX_RULES} rules`, start);
      if (this.rules.has(name)) this.refuse(`expected each rule once, got ${name} again`, start);
      this.blank();
      this.rules.set(name, this.choice());
      if (this.text[this.at] === ';') this.at++;
      this.blank();
    }
    if (!this.rules.has('root')) this.refuse('expected a rule `root`, got none', 0);
    for (const [name, at] of this.uses) {
      if (!this.rules.has(name)) this.refuse(`expected a rule that is there, got ${name}`, at);
    }
    return this.rules;
  }

  private refuse(message: string, at = this.at): never {
    const before = this.text.slice(0, at).split('\n');
    throw new GrammarError(message, `line ${before.length}, column ${before[before.length - 1].length + 1}`);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private blank(): void {
    this.match(BLANK);
  }

  private choice(): Expression {
    if (++this.depth > MAX_DEPTH) this.refuse('expected groups less deep');
    const items = [this.sequence()];
    while (this.text[this.at] === '|') {
      this.at++;
      this.blank();
      items.push(this.sequence());
    }
    this.depth--;
    return items.length === 1 ? items[0] : { kind: 'choice', items };
  }

  private sequence(): Expression {
    const items: Expression[] = [];
    for (;;) {
      const item = this.atom();
      if (!item) break;
      items.push(this.repeated(item));
      this.blank();
    }
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  /** The next item; undefined where the sequence ends, as before the name of the next rule. */
  private atom(): Expression | undefined {
    const character = this.text[this.at];
    if (character === '"' || character === "'") return this.literal(character);
    if (character === '[') return { kind: 'set', ranges: this.characterClass() };
    if (character === '.') {
      this.at++;
      return { kind: 'set', ranges: [[0, 0x10ffff]] };
    }
    if (character === '(') {
      this.at++;
      this.blank();
      const inside = this.choice();
      if (this.text[this.at] !== ')') this.refuse('expected a )');
      this.at++;
      return inside;
    }
    const start = this.at;
    const name = this.match(NAME);
    if (!name) return undefined;
    const end = this.at;
    this.blank();
    const isNext = this.match(DEFINES) !== '';
    this.at = isNext ? start : end;
    if (isNext) return undefined;
    if (!this.uses.has(name)) this.uses.set(name, start);
    return { kind: 'rule', name };
  }

  private repeated(item: Expression): Expression {
    const infinite = Number.POSITIVE_INFINITY;
    const character = this.text[this.at];
    const simple = { '*': [0, infinite], '+': [1, infinite], '?': [0, 1] }[character ?? ''];
    if (simple) {
      this.at++;
      return { kind: 'repeat', item, min: simple[0], max: simple[1] };
    }
    const counts = this.match(/\{\s*\d+\s*(?:,\s*\d*\s*)?\}/y);
    if (!counts) return item;
    const [min, max = min] = counts
      .slice(1, -1)
      .split(',')
      .map((part) => part.trim());
    const most = max === '' ? infinite : Number(max);
    if (Number(min) > MAX_REPEAT || (most > MAX_REPEAT && most !== infinite) || most < Number(min)) {
      this.refuse(`expected counts that rise, up to ${MAX_REPEAT}, got ${counts}`);
    }
    return { kind: 'repeat', item, min: Number(min), max: most };
  }

  private literal(quote: string): Expression {
    const start = this.at++;
    const items: Expression[] = [];
    while (this.text[this.at] !== quote) {
      if (this.at >= this.text.length || this.text[this.at] === '\n')
        this.refuse('expected a closing quote', start);
      const point = this.character();
      items.push({ kind: 'set', ranges: [[point, point]] });
    }
    this.at++;
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  private characterClass(): Ranges {
    const start = this.at++;
    const isNegative = this.text[this.at] === '^';
    if (isNegative) this.at++;
    const ranges: [number, number][] = [];
    while (this.text[this.at] !== ']') {
      if (this.at >= this.text.length) this.refuse('expected a ]', start);
      const from = this.character();
      let to = from;
      if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']') {
        this.at++;
        to = this.character();
      }
      if (to < from) this.refuse('expected a range that rises', start);
      ranges.push([from, to]);
    }
    this.at++;
    const merged = mergeRanges(ranges);
    return isNegative ? outside(merged) : merged;
  }

  /** One code point, escaped or not. */
  private character(): number {
    const point = this.text.codePointAt(this.at) as number;
    this.at += point > 0xffff ? 2 : 1;
    if (point !== 0x5c) return point;
    const letter = this.text[this.at++] ?? '';
    const length = { x: 2, u: 4, U: 8 }[letter];
    if (length !== undefined) {
      const digits = this.text.slice(this.at, this.at + length);
      const value = Number.parseInt(digits, 16);
      if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== length || value > 0x10ffff) {
        this.refuse(`expected ${length} hexadecimal digits`);
      }
      this.at += length;
      return value;
    }
    const control = { n: 10, r: 13, t: 9, '0': 0 }[letter];
    if (control !== undefined) return control;
    if (letter === '' || /[A-Za-z0-9]/.test(letter)) this.refuse(`expected a known escape, got \\${letter}`);
    return letter.codePointAt(0) as number;
  }
}
