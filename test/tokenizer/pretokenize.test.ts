// The scanners against the patterns they stand for, as JavaScript regular expressions with the library's
// white space written out. Slow, and not linear for every text: fit for tests only.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRETOKENIZERS, type PretokenizerName } from '../../src/tokenizer/pretokenize.ts';
import { classTable, LETTER } from '../../src/tokenizer/unicode.ts';

const S = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const NOT_SPACE_AHEAD = `(?![^${S}])`;
const llama = (number: string) =>
  new RegExp(
    `'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${number}` +
      `| ?[^${S}\\p{L}\\p{N}]+[\\r\\n]*|[${S}]*[\\r\\n]+|[${S}]+${NOT_SPACE_AHEAD}|[${S}]+`,
    'gu',
  );
const gpt2 = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${S}\\p{L}\\p{N}]+|[${S}]+${NOT_SPACE_AHEAD}|[${S}]+`,
  'gu',
);
const expected: Record<PretokenizerName, (text: string) => string[]> = {
  smollm: (text) => text.split(/(\p{N})/u).flatMap((piece) => piece.match(gpt2) ?? []),
  'llama-bpe': (text) => text.match(llama('\\p{N}{1,3}')) ?? [],
  qwen2: (text) => text.match(llama('\\p{N}')) ?? [],
};

function words(name: PretokenizerName, text: string): string[] {
  const found: string[] = [];
  for (let begin = 0; begin < text.length; ) {
    const end = PRETOKENIZERS[name](text, begin, text.length);
    if (end <= begin) expect.fail(`no progress at ${begin} of ${JSON.stringify(text)}`);
    found.push(text.slice(begin, end));
    begin = end;
  }
  return found;
}

const examples: [string, Record<PretokenizerName, string[]>][] = [
  [
    "I'LL go'",
    {
      smollm: ['I', "'", 'LL', ' go', "'"],
      'llama-bpe': ['I', "'LL", ' go', "'"],
      qwen2: ['I', "'LL", ' go', "'"],
    },
  ],
  ["it'ſo", { smollm: ['it', "'", 'ſo'], 'llama-bpe': ['it', "'ſ", 'o'], qwen2: ['it', "'ſ", 'o'] }],
  ["'sx", { smollm: ["'s", 'x'], 'llama-bpe': ["'s", 'x'], qwen2: ["'s", 'x'] }],
  [
    'in 12345',
    {
      smollm: ['in', ' ', '1', '2', '3', '4', '5'],
      'llama-bpe': ['in', ' ', '123', '45'],
      qwen2: ['in', ' ', '1', '2', '3', '4', '5'],
    },
  ],
  ['a   1', { smollm: ['a', '   ', '1'], 'llama-bpe': ['a', '  ', ' ', '1'], qwen2: ['a', '  ', ' ', '1'] }],
  [
    'a \n\n b',
    { smollm: ['a', ' \n\n', ' b'], 'llama-bpe': ['a', ' \n\n', ' b'], qwen2: ['a', ' \n\n', ' b'] },
  ],
  ['x\n\ny', { smollm: ['x', '\n', '\n', 'y'], 'llama-bpe': ['x', '\n\n', 'y'], qwen2: ['x', '\n\n', 'y'] }],
  [
    '(a)!!\n\n',
    { smollm: ['(', 'a', ')!!', '\n\n'], 'llama-bpe': ['(a', ')!!\n\n'], qwen2: ['(a', ')!!\n\n'] },
  ],
  ['\ta', { smollm: ['\t', 'a'], 'llama-bpe': ['\ta'], qwen2: ['\ta'] }],
  ['😀é', { smollm: ['😀', 'é'], 'llama-bpe': ['😀é'], qwen2: ['😀é'] }],
];

const pool = [
  ..."sStTrReEvVmMlLdDK'aé  \t\n\r,.!_-(019",
  '\r\n',
  "'ll",
  'ſ',
  'ﬆ',
  '\u0085',
  '\u00a0',
  '\u3000',
  '\ufeff',
].concat([
  '\u2028',
  '\u200b',
  '\u0301',
  '日',
  '😀',
  '½',
  '²',
  '٣',
  'Ⅷ',
  '\u{10ffff}',
  '\ud83d',
  '\ude00',
  '\u{1d7ce}',
  '\u{20000}',
]);

describe.each(Object.keys(PRETOKENIZERS) as PretokenizerName[])('the scanner %s', (name) => {
  it.each(examples)('cuts %j as its pattern says', (text, cut) => {
    expect(words(name, text)).toEqual(cut[name]);
    expect(expected[name](text)).toEqual(cut[name]);
  });

  it('cuts 1000 random texts as its pattern does', { tags: ['slow'] }, () => {
    const parts = fc.oneof(
      { arbitrary: fc.constantFrom(...pool), weight: 9 },
      { arbitrary: fc.string({ unit: 'binary', maxLength: 2 }), weight: 1 },
    );
    const table = classTable();
    const isOld = (text: string) =>
      [...text].every((char) => table[char.codePointAt(0)!] === LETTER || !/\p{L}/u.test(char));
    const texts = fc.array(parts, { maxLength: 20 }).map((list) => list.join(''));
    const property = fc.property(texts.filter(isOld), (text) => {
      expect(words(name, text)).toEqual(expected[name](text));
    });
    fc.assert(property, { numRuns: 1000, seed: 3 });
  });
});
