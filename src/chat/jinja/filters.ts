// The filters of Jinja2 3.1 that templates of conversations use, and `tojson` as transformers writes it. Those
// for HTML, and those that answer differently each time, are refused by name.

import { Arguments } from './bind.ts';
import type { Filter } from './filter.ts';
import { percentFormat } from './format.ts';
import {
  all,
  attributeOf,
  dictsort,
  extreme,
  groupby,
  inLines,
  map,
  picking,
  sort,
  unique,
} from './list-filters.ts';
import { capitalized, centered, replaced, splitLines, strip } from './methods.ts';
import { arithmetic } from './numbers.ts';
import { fixed, jsonText, str } from './text.ts';
import {
  Float,
  fail,
  Generator,
  isTrue,
  iterate,
  lengthOf,
  numberOf,
  SPACE,
  Tuple,
  textOf,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

/** Indentation and separators of `tojson` are short, so that its output is in proportion to its input. */
const MAX_JSON_SPACING = 16;

const round: Filter = (_, input, args, named) => {
  const given = new Arguments('round', ['precision', 'method'], args, named);
  const [precision, method] = [given.int('precision', 0), given.text('method', 'common')];
  const x = numberOf(input) ?? fail(`round: a number, not ${typeName(input)}`);
  if (precision < 0 || precision > 100) fail('round: 0 to 100 decimals');
  if (method === 'common') return input instanceof Float ? new Float(Number(fixed(x, precision))) : x;
  if (method !== 'ceil' && method !== 'floor') fail('round: common, ceil or floor');
  return new Float(Math[method as 'ceil'](x * 10 ** precision) / 10 ** precision);
};

const toInt: Filter = (_, input, args, named) => {
  const given = new Arguments('int', ['default', 'base'], args, named);
  const missing = given.or('default', 0);
  if (given.int('base', 10) !== 10) fail('int: the base 10');
  const number = typeof input === 'string' ? floatOf(input) : numberOf(input);
  if (number === undefined || !Number.isFinite(number)) return missing;
  return Number.isSafeInteger(Math.trunc(number)) ? Math.trunc(number) + 0 : fail('whole numbers up to 2^53');
};

/** float(text), of ASCII digits. */
function floatOf(text: string): number | undefined {
  const word = strip(text, undefined, 'both').replace(/(?<=\d)_(?=\d)/g, '');
  if (/(?!\d)\p{Nd}/u.test(word)) fail('digits from 0 to 9 in a number');
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(word)) return Number(word);
  const name = /^([-+]?)(?:inf(?:inity)?|(nan))$/i.exec(word);
  if (!name) return undefined;
  return name[2] ? Number.NaN : name[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const tojson: Filter = ({ budget }, input, args, named) => {
  const given = new Arguments('tojson', ['ensure_ascii', 'indent', 'separators', 'sort_keys'], args, named);
  const indent = given.optional('indent');
  const separators = given.optional('separators');
  const spaces = typeof indent === 'string' ? indent.length : Math.max(0, numberOf(indent ?? 0) ?? 0);
  let [item, key] = [indent === undefined || indent === null ? ', ' : ',', ': '];
  if (separators !== undefined && separators !== null) [item, key] = [...iterate(separators)].map(str);
  if (spaces > MAX_JSON_SPACING || item.length > MAX_JSON_SPACING || key.length > MAX_JSON_SPACING) {
    budget.refuse(`at most ${MAX_JSON_SPACING} characters of spacing`);
  }
  return jsonText(input, {
    ensureAscii: isTrue(given.optional('ensure_ascii') ?? false),
    indent:
      indent === undefined || indent === null
        ? undefined
        : typeof indent === 'string'
          ? indent
          : ' '.repeat(spaces),
    itemSeparator: item,
    keySeparator: key,
    sortKeys: isTrue(given.optional('sort_keys') ?? false),
  });
};

const indent: Filter = ({ budget }, input, args, named) => {
  const given = new Arguments('indent', ['width', 'first', 'blank'], args, named);
  const width = given.optional('width') ?? 4;
  budget.checkLength(typeof width === 'string' ? width.length : Number(width));
  const space = typeof width === 'string' ? width : ' '.repeat(Math.max(0, given.int('width', 4)));
  const text = textOf(input, 'indent');
  const lines = splitLines(`${text}\n`);
  budget.checkLength(text.length + lines.length * space.length);
  const isBlank = isTrue(given.optional('blank') ?? false);
  const indented = lines
    .map((line, i) => (i > 0 && (isBlank || line !== '') ? space + line : line))
    .join('\n');
  return isTrue(given.optional('first') ?? false) ? space + indented : indented;
};

const WORD_BEGIN = new RegExp(`([-${SPACE}({[<]+)`);

export const FILTERS: Readonly<Record<string, Filter>> = {
  abs: (_, input) => {
    const x = numberOf(input) ?? fail(`abs: a number, not ${typeName(input)}`);
    return input instanceof Float ? new Float(Math.abs(x)) : Math.abs(x);
  },
  batch: inLines('batch', true),
  slice: inLines('slice', false),
  capitalize: (_, input) => capitalized(str(input)),
  center: ({ budget }, input, args, named) => {
    const width = new Arguments('center', ['width'], args, named).int('width', 80);
    return centered(str(input), [width], new Map(), budget);
  },
  count: (_, input) => lengthOf(input),
  length: (_, input) => lengthOf(input),
  default: (_, input, args, named) => {
    const given = new Arguments('default', ['default_value', 'boolean'], args, named);
    const isMissing = isTrue(given.optional('boolean') ?? false)
      ? !isTrue(input)
      : input instanceof Undefined;
    return isMissing ? given.or('default_value', '') : input;
  },
  dictsort,
  first: (_, input) => {
    for (const item of iterate(input)) return item;
    return new Undefined('the first of nothing');
  },
  last: (context, input) => {
    if (input instanceof Generator) fail('last: a list, not a generator; put `| list` before it');
    const items = all(context, input);
    return items.length > 0 ? items[items.length - 1] : new Undefined('the last of nothing');
  },
  float: (_, input, args, named) => {
    const missing = new Arguments('float', ['default'], args, named).or('default', new Float(0));
    const number = typeof input === 'string' ? floatOf(input) : numberOf(input);
    return number === undefined ? missing : new Float(number);
  },
  format: ({ budget }, input, args, named) => {
    if (args.length > 0 && named.size > 0) fail('format: arguments by place or by name, not both');
    return percentFormat(str(input), named.size > 0 ? new Map(named) : new Tuple(args), budget);
  },
  groupby,
  indent,
  int: toInt,
  items: (_, input) => {
    if (input instanceof Undefined) return new Generator([][Symbol.iterator]());
    if (!(input instanceof Map)) fail('Can only get item pairs from a mapping.');
    return new Generator(new View('items', input as Map<string, Value>).items()[Symbol.iterator]());
  },
  join: (context, input, args, named) => {
    const given = new Arguments('join', ['d', 'attribute'], args, named);
    const separator = str(given.or('d', ''));
    const attribute = attributeOf(context, given.optional('attribute') ?? null);
    let text = '';
    let isFirst = true;
    for (const item of iterate(input)) {
      const piece = str(attribute(item));
      context.budget.checkLength(text.length + separator.length + piece.length);
      context.budget.spendWork(separator.length + piece.length);
      text += isFirst ? piece : separator + piece;
      isFirst = false;
    }
    return text;
  },
  list: (context, input) => all(context, input),
  lower: (_, input) => str(input).toLowerCase(),
  upper: (_, input) => str(input).toUpperCase(),
  map,
  max: extreme('max', 1),
  min: extreme('min', -1),
  reject: picking('reject', false, false),
  rejectattr: picking('rejectattr', true, false),
  select: picking('select', false, true),
  selectattr: picking('selectattr', true, true),
  replace: ({ budget }, input, args, named) => {
    const given = new Arguments('replace', ['old', 'new', 'count'], args, named);
    const [old, by] = [str(given.required('old')), str(given.required('new'))];
    return replaced(str(input), old, by, given.maybeInt('count') ?? -1, budget);
  },
  reverse: (context, input) => {
    if (typeof input === 'string') return [...input].reverse().join('');
    const items = all(context, input).reverse();
    return input instanceof Generator ? items : new Generator(items[Symbol.iterator]());
  },
  round,
  sort,
  string: (_, input) => str(input),
  sum: (context, input, args, named) => {
    const given = new Arguments('sum', ['attribute', 'start'], args, named);
    const attribute = attributeOf(context, given.optional('attribute') ?? null);
    let total: Value = given.optional('start') ?? 0;
    if (typeof total === 'string') fail("sum() can't sum strings");
    for (const item of iterate(input)) {
      total = arithmetic('+', total, attribute(item), context.budget);
      context.budget.spendWork(Array.isArray(total) ? total.length : 1);
    }
    return total;
  },
  title: (_, input) =>
    str(input)
      .split(WORD_BEGIN)
      .map((word) => {
        const [first = '', ...rest] = word;
        return first.toUpperCase() + rest.join('').toLowerCase();
      })
      .join(''),
  tojson,
  trim: (_, input, args, named) =>
    strip(str(input), new Arguments('trim', ['chars'], args, named).maybeText('chars'), 'both'),
  truncate: (_, input, args, named) => {
    const given = new Arguments('truncate', ['length', 'killwords', 'end', 'leeway'], args, named);
    const [length, end] = [given.int('length', 255), given.text('end', '...')];
    const text = [...textOf(input, 'truncate')];
    if (text.length <= length + (given.maybeInt('leeway') ?? 5)) return text.join('');
    const kept = text.slice(0, Math.max(0, length - [...end].length)).join('');
    const isCut = isTrue(given.optional('killwords') ?? false) || !kept.includes(' ');
    return (isCut ? kept : kept.slice(0, kept.lastIndexOf(' '))) + end;
  },
  unique,
  wordcount: (_, input) => str(input).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
};

/** Other names of the same filters. */
export const FILTER_ALIASES: Readonly<Record<string, string>> = { d: 'default' };

/** Filters of Jinja that are for HTML, answer differently each time, or are not used. */
export const REFUSED_FILTERS: readonly string[] =
  'attr e escape filesizeformat forceescape pprint random safe striptags urlencode urlize wordwrap xmlattr'.split(
    ' ',
  );
