// A vocabulary for tests of grammars: single bytes (but for those that SmolLM2 lacks, too), and tokens that cross the
// borders of JSON's parts, of characters and of words.

import type { TokenBytes } from '../../src/grammar/grammar.ts';

const LACKING = [
  0x04, 0x06, 0x13, 0x14, 0x16, 0x1d, 0xc0, 0xc1, 0xf1, 0xf2, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb,
];
const PIECES = [
  '{"',
  '":',
  '": "',
  '","',
  '", "',
  '"}',
  '"]',
  '"}]',
  '}}',
  '}]',
  ']}',
  '[{"',
  '["',
  '{}',
  '[]',
  '[[',
  ']]',
  '},{"',
  '":"',
  '":{"',
  '":[',
  '":true',
  '":1',
  ',"',
  ', "',
  ' "',
  ': ',
  ', ',
  '""',
  '"a":',
  '"b',
  'a"',
  '\\"',
  '\\\\',
  '\\n',
  '\\u00',
  'true',
  'false',
  'null',
  'rue',
  '12',
  '00',
  '1.',
  '-1',
  '.5',
  'e+',
  'ab',
  'abc',
  'the',
  ' the',
  'circle',
  'name',
  'kind',
  'id',
  'value',
  '2026-',
  '-11-',
  '@a',
  '.com',
  'é',
  '日',
  'A-',
  ' ',
  '  ',
  '\n',
  '\r\n',
  '\t',
];

const utf8 = new TextEncoder();
const tokens: Uint8Array[] = [utf8.encode('<|end|>'), utf8.encode('<|other|>')];
for (let byte = 0; byte < 256; byte++) if (!LACKING.includes(byte)) tokens.push(Uint8Array.of(byte));
for (const piece of PIECES) if (utf8.encode(piece).length > 1) tokens.push(utf8.encode(piece));
// Halves of characters, alone and behind others.
for (const bytes of [
  [0xe6, 0x97],
  [0xa5, 0x22],
  [0x61, 0xc3],
  [0xa9, 0x22, 0x7d],
  [0xf0, 0x9f],
  [0x98, 0x80],
]) {
  tokens.push(Uint8Array.from(bytes));
}

export const END = 0;

export const tinyVocabulary: TokenBytes = {
  vocabSize: tokens.length,
  eosIds: [END],
  tokenBytes: (id) => tokens[id],
  isSpecial: (id) => id < 2,
};

/** Ids of the bits that are set. */
export function idsOf(mask: Uint32Array): number[] {
  const ids: number[] = [];
  for (let id = 0; id < tokens.length; id++) if (((mask[id >>> 5] >>> (id & 31)) & 1) === 1) ids.push(id);
  return ids;
}

/** Cuts bytes into tokens; `choose` takes one of those that fit. */
export function cut(text: string, choose: (numFitting: number) => number): number[] {
  const bytes = utf8.encode(text);
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const fitting = tokens.flatMap((token, id) => {
      return id > 1 && token.every((byte, i) => bytes[at + i] === byte) ? [id] : [];
    });
    const id = fitting[choose(fitting.length)];
    ids.push(id);
    at += tokens[id].length;
  }
  return ids;
}

export function textOf(ids: readonly number[]): string {
  const bytes = ids.flatMap((id) => [...tokens[id]]);
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}
