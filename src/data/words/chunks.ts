// A text as what stands between white space, and which of that is so plain that no rule need be asked: letters of ASCII
// or digits alone, with one mark behind them or not. Words that a special case knows (`cannot`, `Inc.`), or that a torn
// one may begin with, are not plain.

import { TERMINALS } from './classes.ts';
import { isSpace } from './python-strings.ts';
import { SPECIAL_CASES } from './special-cases.ts';
import { isOpen, openTokens } from './torn.ts';

export const Kind = { plain: 0, marked: 1, other: 2 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Of an ASCII unit: letter, digit, white space or something else. */
const LETTER = 1;
const DIGIT = 2;
const SPACE = 4;
const CLASSES = Uint8Array.from({ length: 128 }, (_, unit) => {
  if ((unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122)) return LETTER;
  if (unit >= 48 && unit <= 57) return DIGIT;
  return isSpace(unit) ? SPACE : 0;
});

/** Marks that only the rule of marks cuts off; a full stop needs two small letters before it, or a digit. */
const MARKS = ',;:!?.';
const IS_MARK = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number(MARKS.includes(String.fromCharCode(unit))),
);
const OPEN_MARKS = new Map([...MARKS].filter(isOpen).map((mark) => [mark.charCodeAt(0), mark]));
const IS_TERMINAL = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number(TERMINALS.has(String.fromCharCode(unit))),
);

/** Words of letters or digits that are not plain all the same. */
const ODD: ReadonlySet<string> = new Set(
  [...SPECIAL_CASES.keys(), ...openTokens()].flatMap((chunk) => {
    const [core] = /^(?:[A-Za-z]+|[0-9]+)(?=[,;:!?.]?$)/.exec(chunk) ?? [];
    return core === undefined ? [] : [core];
  }),
);
const MAX_ODD_LENGTH = Math.max(...[...ODD].map((word) => word.length));
/** [length, first unit] of the odd words: most others differ in one of them. */
const ODD_SHAPES = new Uint8Array(128 * (MAX_ODD_LENGTH + 1));
for (const word of ODD) ODD_SHAPES[128 * word.length + word.charCodeAt(0)] = 1;

/** Walks through a text, chunk by chunk: `while (chunks.next())`. */
export class Chunks {
  /** Of the chunk, in UTF-16 units. */
  begin = 0;
  end = 0;
  kind: Kind = Kind.other;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  next(): boolean {
    const { text } = this;
    let at = this.end;
    while (at < text.length && isSpace(text.charCodeAt(at))) at++;
    this.begin = at;
    if (at === text.length) {
      this.end = at;
      return false;
    }
    let seen = 0;
    let unit = 0;
    for (; at < text.length; at++) {
      unit = text.charCodeAt(at);
      const one = unit < 128 ? CLASSES[unit] : 0;
      if (one === 0 || one === SPACE) break;
      seen |= one;
    }
    const numPlain = at - this.begin;
    while (at < text.length && !isSpace(text.charCodeAt(at))) at++;
    this.end = at;
    this.kind = this.kindOf(numPlain, seen, unit);
    return true;
  }

  /** The mark behind a plain word if a torn special case might go on after it. */
  get openMark(): string | undefined {
    return this.kind === Kind.marked ? OPEN_MARKS.get(this.text.charCodeAt(this.end - 1)) : undefined;
  }

  /** Does the mark behind a plain word end a sentence? */
  get isTerminal(): boolean {
    return IS_TERMINAL[this.text.charCodeAt(this.end - 1)] === 1;
  }

  private kindOf(numPlain: number, seen: number, after: number): Kind {
    const { text, begin, end } = this;
    if (seen !== LETTER && seen !== DIGIT) return Kind.other;
    const length = end - begin;
    const isMarked = numPlain === length - 1 && after < 128 && IS_MARK[after] === 1;
    if (!isMarked && numPlain !== length) return Kind.other;
    if (isMarked && after === 46 && seen === LETTER) {
      const [a, b] = [numPlain < 2 ? 0 : text.charCodeAt(end - 3), text.charCodeAt(end - 2)];
      if (a < 97 || b < 97) return Kind.other;
    }
    if (numPlain <= MAX_ODD_LENGTH && ODD_SHAPES[128 * numPlain + text.charCodeAt(begin)] === 1) {
      if (ODD.has(text.slice(begin, begin + numPlain))) return Kind.other;
    }
    return isMarked ? Kind.marked : Kind.plain;
  }
}
