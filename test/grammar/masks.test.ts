import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectKeptMasks } from './kept-masks.ts';
import { TESTED_KEYWORDS } from './schema-cases.ts';

const COUNTED = {
  name: 'places that differ in a count only',
  schema: { type: 'array', items: { type: 'object', maxProperties: 2 }, maxItems: 2 },
  valid: ['[{},{}]', '[{"a":1,"b":1},{"a":1,"c":1}]'],
};

it('gives kept masks as new ones: places that differ in a count only (all cases: masks.slow.test.ts)', {
  tags: ['slow'],
}, () => {
  expectKeptMasks(COUNTED);
});

it('publishes no keyword that has no case', () => {
  const guide = readFileSync(new URL('../../docs/guides/structured-output.md', import.meta.url), 'utf8');
  const table = guide.slice(
    guide.indexOf('## What is enforced'),
    guide.indexOf('Everything else in a schema'),
  );
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| about'));
  const published = rows.flatMap((row) => [...row.matchAll(/`([$a-zA-Z]+)`/g)].map((match) => match[1]));
  expect(published.length).toBeGreaterThan(40);
  const values = new Set(['true', 'false']);
  expect(published.filter((word) => !values.has(word) && !TESTED_KEYWORDS.has(word))).toEqual([]);
});
