import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodePage } from '../../../src/data/extract/charset.ts';
import { extractText } from '../../../src/data/extract/extract.ts';
import { sharedFile } from '../shared.ts';

const cases: { name: string; html: string | { base64: string }; expected: string }[] = JSON.parse(
  readFileSync(sharedFile('goldens/curation/html/cases.json'), 'utf8'),
);

it.each(cases)('$name', ({ html, expected }) => {
  const page =
    typeof html === 'string' ? html : decodePage(new Uint8Array(Buffer.from(html.base64, 'base64'))).html;
  expect(extractText(page)).toBe(expected);
});
