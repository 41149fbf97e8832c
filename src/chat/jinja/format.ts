// Python's two ways to write values into a text: 'a %s and %d' % (…) and '{} {name:>5}'.format(…).

import type { Budget } from '../budget.ts';
import type { Named } from './bind.ts';
import { fixed, repr, str } from './text.ts';
import { Float, fail, numberOf, Tuple, typeName, type Value } from './values.ts';

/** A field: how wide, where the fill goes, how many digits. */
interface Spec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | undefined;
  readonly type: string;
}

const PERCENT = /%(?:\(([^)]*)\))?([-+ 0#]*)(\d+|\*)?(?:\.(\d+|\*))?[hlL]?(.)?/gsu;

/** `text % values`, values being a tuple, a dict for `%(name)s`, or one value. */
export function percentFormat(text: string, values: Value, budget: Budget): string {
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const formatted = text.replace(PERCENT, (whole, name, flags: string, width, precision, type) => {
    if (type === '%' && whole === '%%') return '%';
    if (width === '*' || precision === '*' || flags.includes('#'))
      fail(`the format ${whole}, which is not supported`);
    let value: Value;
    if (name === undefined)
      value = used < items.length ? items[used++] : fail('more arguments for the format');
    else {
      if (!(values instanceof Map)) return fail('a dict for a format with names');
      if (!values.has(name)) fail(`the key ${name}`);
      value = values.get(name) as Value;
    }
    const spec: Spec = {
      fill: flags.includes('0') && !flags.includes('-') && type !== 's' && type !== 'r' ? '0' : ' ',
      align: flags.includes('-') ? '<' : flags.includes('0') && type !== 's' && type !== 'r' ? '=' : '>',
      sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '-',
      width: Number(width ?? 0),
      grouping: '',
      precision: precision === undefined ? undefined : Number(precision),
      type: type ?? '',
    };
    return percentValue(value, spec, whole, budget);
  });
  // Python lets a list or dict be without use, as something that can be asked for members.
  if (used < items.length && !(values instanceof Map) && !Array.isArray(values)) {
    fail('not all arguments converted during string formatting');
  }
  budget.checkLength(formatted.length);
  return formatted;
}

function percentValue(value: Value, spec: Spec, whole: string, budget: Budget): string {
  if (spec.type === 's' || spec.type === 'r') {
    return padded(cut(spec.type === 's' ? str(value) : repr(value), spec.precision), spec, budget);
  }
  const number = numberOf(value);
  if (number === undefined) fail(`${whole}: a number is required, not ${typeName(value)}`);
  if ('diu'.includes(spec.type) && spec.precision === undefined) {
    return signed(wholeText(Math.trunc(number as number)), spec, budget);
  }
  if ('fF'.includes(spec.type)) {
    return signed(fixed(number as number, decimals(spec.precision)), spec, budget);
  }
  return fail(`the format ${whole}, which is not supported`);
}

const FIELD = /^(?:(.)?([<>^=]))?([-+ ])?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** `text.format(…)`: fields by number, by name, with members, with a spec. */
export function braceFormat(
  text: string,
  args: readonly Value[],
  named: Named,
  member: (value: Value, name: string, isItem: boolean) => Value,
  budget: Budget,
): string {
  let automatic = 0;
  const formatted = text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (whole, field) => {
    if (whole === '{{' || whole === '}}') return whole[0];
    if (field === undefined)
      return fail(`a { or } that has no partner in ${JSON.stringify(text.slice(0, 40))}`);
    const [, path, conversion, spec] = /^([^!:]*)(?:!([^:]*))?(?::(.*))?$/s.exec(field) ?? fail('a field');
    const [head] = /^[^.[]*/.exec(path) as RegExpExecArray;
    let value: Value | undefined;
    if (head === '') value = args[automatic++];
    else value = /^\d+$/.test(head) ? args[Number(head)] : named.get(head);
    if (value === undefined) fail(`an argument for ${whole}`);
    for (const [, name, item] of path.slice(head.length).matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
      value = member(value as Value, name ?? item, name === undefined);
    }
    if (conversion !== undefined && !['s', 'r'].includes(conversion)) fail(`the conversion !${conversion}`);
    if (conversion !== undefined) value = conversion === 'r' ? repr(value as Value) : str(value as Value);
    return fieldText(value as Value, spec ?? '', budget);
  });
  budget.checkLength(formatted.length);
  return formatted;
}

function fieldText(value: Value, text: string, budget: Budget): string {
  if (text === '') return str(value);
  const match = FIELD.exec(text) ?? fail(`the format ${text}, which is not supported`);
  const [, fill, align, sign, zero, width, grouping, precision, type = ''] = match;
  const isText = typeof value === 'string';
  const spec: Spec = {
    fill: fill ?? (zero ? '0' : ' '),
    align: align ?? (zero && !isText ? '=' : isText ? '<' : '>'),
    sign: sign ?? '-',
    width: Number(width ?? 0),
    grouping: grouping ?? '',
    precision: precision === undefined ? undefined : Number(precision),
    type,
  };
  if (isText) {
    if (!['', 's'].includes(type) || sign || grouping || align === '=') fail(`the format ${text} for a str`);
    return padded(cut(value, spec.precision), spec, budget);
  }
  const number = numberOf(value);
  if (number === undefined || typeof value === 'boolean') fail(`the format ${text} for ${typeName(value)}`);
  if ((type === 'd' || type === '') && !(value instanceof Float) && precision === undefined) {
    return signed(wholeText(number as number), spec, budget);
  }
  if (type === 'f' || type === 'F')
    return signed(fixed(number as number, decimals(spec.precision)), spec, budget);
  if (type === '%')
    return signed(`${fixed((number as number) * 100, decimals(spec.precision))}%`, spec, budget);
  return fail(`the format ${text}, which is not supported`);
}

const decimals = (precision: number | undefined) => precision ?? 6;
const wholeText = (value: number) => String(value + 0);
const cut = (text: string, length: number | undefined) =>
  length === undefined ? text : [...text].slice(0, length).join('');

function signed(text: string, spec: Spec, budget: Budget): string {
  const isNegative = text.startsWith('-');
  const sign = isNegative ? '-' : spec.sign === '-' ? '' : spec.sign;
  let digits = isNegative ? text.slice(1) : text;
  if (spec.grouping !== '') {
    const [whole, ...rest] = digits.split(/(?=[.%])/);
    digits = whole.replace(/\B(?=(?:\d{3})+$)/g, spec.grouping) + rest.join('');
    if (spec.align === '=') fail('separators in a number that is filled with zeros');
  }
  if (spec.align !== '=') return padded(sign + digits, spec, budget);
  budget.checkLength(spec.width);
  return sign + digits.padStart(spec.width - sign.length, spec.fill);
}

function padded(text: string, { fill, align, width }: Spec, budget: Budget): string {
  budget.checkLength(width);
  const missing = Math.max(0, width - [...text].length);
  const left = align === '<' ? 0 : align === '^' ? missing >> 1 : missing;
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
