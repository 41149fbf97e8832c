// A template as tokens: text, and the words, texts, numbers and signs inside {{ }} and {% %}. White space around
// blocks goes as transformers sets it (trim_blocks, lstrip_blocks), line ends become \n.

import { fail, SPACE } from './values.ts';

export interface Token {
  readonly type: 'data' | 'begin-output' | 'end-output' | 'begin-block' | 'end-block' | 'end';
  readonly text: string;
  readonly line: number;
}
export interface Word {
  readonly type: 'name' | 'string' | 'int' | 'float' | 'sign';
  readonly text: string;
  readonly line: number;
}

const TAG = /\{%|\{\{|\{#/g;
const RAW = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, 'y');
const END_RAW = new RegExp(
  `\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`,
  'g',
);
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, 'g');
const END_BLOCK = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, 'y');
const END_OUTPUT = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, 'y');
const SPACES = new RegExp(`[${SPACE}]+`, 'y');
const ONLY_SPACES = new RegExp(`^[${SPACE}]+$`);
const TRAILING_SPACES = new RegExp(`[${SPACE}]+$`);
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INT = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}_]+/uy;
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/sy;
const SIGN = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/y;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** @throws Error  at the first thing that is no part of a template */
export function tokenize(template: string): (Token | Word)[] {
  return new Lexer(template.replace(/\r\n?/g, '\n').replace(/\n$/, '')).tokens();
}

class Lexer {
  private readonly source: string;
  private readonly out: (Token | Word)[] = [];
  private at = 0;
  private line = 1;

  constructor(source: string) {
    this.source = source;
  }

  tokens(): (Token | Word)[] {
    while (this.at < this.source.length) {
      TAG.lastIndex = this.at;
      const tag = TAG.exec(this.source);
      const begin = tag?.index ?? this.source.length;
      if (!tag) this.data(this.source.slice(this.at), begin);
      else this.tag(tag[0], begin);
    }
    this.push('end', '');
    return this.out;
  }

  /** Text up to a tag, and the tag up to its end. */
  private tag(open: string, begin: number): void {
    const after = this.source[begin + 2];
    const sign = after === '-' || after === '+' ? after : '';
    const before = this.source.slice(this.at, begin);
    this.data(stripped(before, sign, open !== '{{', this.startsLine()), begin);
    if (open === '{#') {
      END_COMMENT.lastIndex = begin + 2;
      const end = END_COMMENT.exec(this.source) ?? this.fail('the end of a comment: #}');
      this.advance(end.index + end[0].length);
      return;
    }
    RAW.lastIndex = begin;
    const raw = open === '{%' ? RAW.exec(this.source) : null;
    if (raw) {
      this.raw(begin + raw[0].length);
      return;
    }
    this.push(open === '{{' ? 'begin-output' : 'begin-block', open);
    this.advance(begin + 2 + sign.length);
    this.inside(open);
  }

  private raw(begin: number): void {
    this.advance(begin);
    END_RAW.lastIndex = begin;
    const end = END_RAW.exec(this.source) ?? this.fail('the end of a raw block: {% endraw %}');
    const text = this.source.slice(begin, end.index);
    this.data(stripped(text, end[1], true, this.startsLine()), end.index + end[0].length);
  }

  /** Words of an expression up to the tag's end, which does not count inside brackets. */
  private inside(open: string): void {
    const end = open === '{{' ? END_OUTPUT : END_BLOCK;
    const closing: string[] = [];
    for (;;) {
      if (this.at >= this.source.length) this.fail(`the end of ${open}`);
      const ending = closing.length === 0 ? this.match(end) : undefined;
      if (ending !== undefined) {
        this.push(open === '{{' ? 'end-output' : 'end-block', ending);
        this.advance(this.at + ending.length);
        return;
      }
      const space = this.match(SPACES);
      if (space !== undefined) {
        this.advance(this.at + space.length);
        continue;
      }
      const word = this.word();
      if (word.type === 'sign') {
        if (CLOSING[word.text]) closing.push(CLOSING[word.text]);
        else if (')]}'.includes(word.text) && closing.pop() !== word.text) this.fail(`no ${word.text} here`);
      }
    }
  }

  private word(): Word {
    for (const [type, pattern] of [
      ['float', FLOAT],
      ['int', INT],
      ['name', NAME],
      ['string', STRING],
      ['sign', SIGN],
    ] as const) {
      const text = this.match(pattern);
      if (text === undefined) continue;
      if (type === 'name' && /^\p{N}/u.test(text)) break;
      const word = { type, text: type === 'string' ? unescaped(text.slice(1, -1)) : text, line: this.line };
      this.out.push(word);
      this.advance(this.at + text.length);
      return word;
    }
    return this.fail(`a word or sign, not ${JSON.stringify(this.source[this.at])}`);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.source)?.[0];
  }

  /** Whether the text at hand begins a line. */
  private startsLine(): boolean {
    return this.at === 0 || this.source[this.at - 1] === '\n';
  }

  private data(text: string, end: number): void {
    if (text !== '') this.push('data', text);
    this.advance(end);
  }

  private push(type: Token['type'], text: string): void {
    this.out.push({ type, text, line: this.line });
  }

  private advance(to: number): void {
    for (let i = this.at; i < to; i++) if (this.source.charCodeAt(i) === 10) this.line++;
    this.at = to;
  }

  private fail(expected: string): never {
    return fail(`line ${this.line}: expected ${expected}`);
  }
}

/** Text before a tag: `-` takes all white space; a block that begins its line takes what is before it there. */
function stripped(text: string, sign: string, isBlock: boolean, startsLine: boolean): string {
  if (sign === '-') return text.replace(TRAILING_SPACES, '');
  if (sign === '+' || !isBlock) return text;
  const lineStart = text.lastIndexOf('\n') + 1;
  if (lineStart === 0 && !startsLine) return text;
  return ONLY_SPACES.test(text.slice(lineStart)) ? text.slice(0, lineStart) : text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

/** The escapes of Python texts. */
function unescaped(text: string): string {
  const hex = '[\\da-fA-F]';
  const pattern = new RegExp(`\\\\(?:x(${hex}{2})|u(${hex}{4})|U(${hex}{8})|([0-7]{1,3})|(.))`, 'gs');
  return text.replace(pattern, (whole, x, u, U, octal, letter) => {
    if (octal !== undefined) return codePoint(Number.parseInt(octal, 8));
    if (letter === undefined) return codePoint(Number.parseInt(x ?? u ?? U, 16));
    if ('xuUN'.includes(letter)) fail(`a text with whole escapes, not ${whole}`);
    return ESCAPES[letter] ?? whole;
  });
}

function codePoint(value: number): string {
  return value <= 0x10ffff ? String.fromCodePoint(value) : fail('code points up to 10ffff');
}
