// How Python writes values: str(), repr(), the digits of a float, json.dumps as transformers calls it.

import {
  Callable,
  Float,
  fail,
  Generator,
  type Loop,
  Namespace,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

/** str(value): what `{{ value }}` writes. */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : repr(value);
}

export function repr(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Undefined) return 'Undefined';
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Tuple) {
    return value.items.length === 1 ? `(${repr(value.items[0])},)` : `(${value.items.map(repr).join(', ')})`;
  }
  if (value instanceof Map) return dictText(value);
  if (value instanceof Namespace) return `<Namespace ${dictText(value.members)}>`;
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  }
  if (value instanceof View) return `dict_${value.kind}(${repr(value.items())})`;
  return notWritten(value);
}

/** Python writes an address here, which is another one in each run. */
function notWritten(value: Generator | Callable | Loop): never {
  const hint = value instanceof Generator ? '; put `| list` behind it' : '';
  return fail(`a ${value instanceof Callable ? 'function' : typeName(value)} written as text${hint}`);
}

function dictText(dict: ReadonlyMap<string | number, Value>): string {
  return `{${[...dict].map(([key, value]) => `${repr(key)}: ${repr(value)}`).join(', ')}}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A text in quotes: single ones, unless only a double one is missing. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const char of text) {
    if (char === quote) out += `\\${char}`;
    else if (SHORT_ESCAPES[char] !== undefined) out += SHORT_ESCAPES[char];
    else if (char === ' ' || !/[\p{C}\p{Z}]/u.test(char)) out += char;
    else out += escapedPoint(char.codePointAt(0) as number);
  }
  return quote + out + quote;
}

function escapedPoint(point: number): string {
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return point < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** repr of a float: the shortest digits that come back, an exponent below 1e-4 and from 1e16 on. */
export function floatText(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  const [digits, exponent] = x.toExponential().split('e');
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${digits}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  const plain = e < -6 ? x.toFixed(Math.min(100, -e + digits.replace(/[-.]/g, '').length - 1)) : String(x);
  return plain.includes('.') ? plain : `${plain}.0`;
}

/** `x` with `digits` decimals, halves that are exact to the even digit (toFixed rounds them up). */
export function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return floatText(x);
  if (digits > 100) fail('at most 100 decimals');
  if (Math.abs(x) >= 1e21) fail('decimals of numbers below 1e21');
  const text = Math.abs(x).toFixed(digits);
  // A tie is a number whose own digits end right behind the place with a 5.
  const exact = Math.abs(x).toFixed(Math.min(100, digits + 30));
  const isTie = digits < 70 && new RegExp(`^${'\\d'.repeat(digits)}50*$`).test(exact.split('.')[1] ?? '');
  const isOdd = /[13579]$/.test(text);
  const even =
    isTie && isOdd
      ? exact
          .split('.')
          .join('')
          .slice(0, exact.indexOf('.') + digits)
      : undefined;
  const rounded =
    even === undefined
      ? text
      : digits === 0
        ? even
        : `${even.slice(0, even.length - digits)}.${even.slice(even.length - digits)}`;
  return (x < 0 || Object.is(x, -0) ? '-' : '') + rounded;
}

/** How `tojson` of transformers is asked to write: json.dumps with ensure_ascii=False by default. */
export interface JsonStyle {
  readonly ensureAscii: boolean;
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

export function jsonText(value: Value, style: JsonStyle, level = 0): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return jsonString(value, style);
  if (value instanceof Float)
    return Number.isFinite(value.value) ? floatText(value.value) : jsonSpecial(value);
  if (Array.isArray(value) || value instanceof Tuple) {
    const items = value instanceof Tuple ? value.items : value;
    return enclosed(
      '[',
      ']',
      items.map((item) => jsonText(item, style, level + 1)),
      style,
      level,
    );
  }
  if (value instanceof Map) {
    const entries = [...value];
    if (style.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
    const members = entries.map(
      ([key, member]) =>
        jsonString(String(key), style) + style.keySeparator + jsonText(member, style, level + 1),
    );
    return enclosed('{', '}', members, style, level);
  }
  return fail(`JSON of a ${typeName(value)}`);
}

function jsonSpecial({ value }: Float): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function enclosed(open: string, close: string, members: string[], style: JsonStyle, level: number): string {
  if (members.length === 0) return open + close;
  if (style.indent === undefined) return open + members.join(style.itemSeparator) + close;
  const line = `\n${style.indent.repeat(level + 1)}`;
  return `${open}${line}${members.join(style.itemSeparator + line)}\n${style.indent.repeat(level)}${close}`;
}

function jsonString(text: string, style: JsonStyle): string {
  const escaped = text.replace(/["\\]|[^ -\uffff]/g, (char) => {
    const short = {
      '"': '\\"',
      '\\': '\\\\',
      '\n': '\\n',
      '\r': '\\r',
      '\t': '\\t',
      '\f': '\\f',
      '\b': '\\b',
    };
    return short[char as '"'] ?? unitEscape(char);
  });
  return `"${style.ensureAscii ? escaped.replace(/[\u0080-\uffff]/g, unitEscape) : escaped}"`;
}

const unitEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
