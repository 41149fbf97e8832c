// npm run numbers: every number of the chapters, computed on the real 135M, into course/numbers.json; and into the pages,
// between <!--=name--> and <!--/-->. `{{name}}` in a page becomes such a pair of marks. (Marks, and no template: pages
// stay plain Markdown that GitHub shows with its numbers, and a test compares each with the file.)

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'smollm2';
import { filled, quoted } from '../numbers.ts';
import { descriptionOf } from '../picture.ts';
import { pictures } from '../pictures.ts';
import { measured } from './measure.ts';

const COURSE = fileURLToPath(new URL('..', import.meta.url));
const NUMBERS = join(COURSE, 'numbers.json');

if (!process.argv.includes('--pages')) {
  const smol = await load('135m', { precision: 'precise' });
  const numbers = await measured(smol);
  await smol.close();
  writeFileSync(NUMBERS, `${JSON.stringify(numbers, null, 1)}\n`);
  console.log(`${Object.keys(numbers.shown).length} numbers in course/numbers.json`);
}
const { shown, series } = JSON.parse(readFileSync(NUMBERS, 'utf8'));
for (const [folder, picture] of Object.entries(pictures(series))) {
  writeFileSync(join(COURSE, folder, 'picture.svg'), picture);
  const page = join(COURSE, folder, 'page.md');
  const read = (file: string) => readFileSync(join(COURSE, '..', file), 'utf8');
  const described = readFileSync(page, 'utf8').replace(
    /!\[.*?\]\(picture\.svg\)/,
    `![${descriptionOf(picture)}](picture.svg)`,
  );
  writeFileSync(page, quoted(filled(described, shown), read));
}
