import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXERCISES } from '../../course/exercises.ts';
import { filled, proseOf, quoted, typedNumbers } from '../../course/numbers.ts';
import { arcs, bars, descriptionOf } from '../../course/picture.ts';
import { pictures } from '../../course/pictures.ts';

const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const { shown, series } = JSON.parse(read('course/numbers.json'));
const folders = readdirSync(new URL('course', root)).filter((name) => /^\d\d-/.test(name));
const pages = folders.map((folder) => ({ folder, text: read(`course/${folder}/page.md`) }));

/**
 * Numbers of three digits that may be typed: they are the model's shape, a format's size or part of a text, not
 * something that was measured.
 */
const ALLOWED = ['2024', '576', '255', '256', '270', '98', '100', '101', '100000'];

it('there are fourteen chapters', () => {
  expect(folders.length).toBe(14);
});

describe.each(pages)('chapter $folder', ({ folder, text }) => {
  it('shows every number as it was measured, and none that was typed', () => {
    expect(filled(text, shown)).toBe(text);
    expect(text).not.toContain('{{');
    expect(typedNumbers(text).filter((number) => !ALLOWED.includes(number))).toEqual([]);
  });

  it('quotes the source as it stands', () => {
    expect(text).toContain('<!--quote ');
    expect(quoted(text, read)).toBe(text);
  });

  it('has the parts of a chapter', () => {
    for (const part of [
      '**You will be able to** ',
      '## The code',
      '## Exercise',
      '## What people get wrong',
      '## Check yourself',
    ])
      expect(text).toContain(part);
    expect(text.match(/<details><summary>/g)?.length).toBe(3);
  });

  it('names exercises that exist, and links that lead somewhere', () => {
    for (const [, name] of text.matchAll(/npm run exercise ([\w-]+)/g))
      expect(EXERCISES.filter((one) => one.name === name && one.folder === folder).length).toBe(1);
    for (const [, link] of text.matchAll(/\]\(([^)#]+)\)/g))
      expect(existsSync(new URL(link, new URL(`course/${folder}/`, root)))).toBe(true);
  });

  it('has a picture of the numbers that were measured, described by its largest', () => {
    const picture = read(`course/${folder}/picture.svg`);
    expect(picture).toBe(pictures(series)[folder]);
    expect(text).toContain(`![${descriptionOf(picture)}](picture.svg)`);
  });
});

it('a typed number is found, and one in a mark, in code or in a link is not', () => {
  expect(typedNumbers('It has 134,515,008 numbers and 77.3 % in 30 layers.')).toEqual([
    '134,515,008',
    '77.3',
  ]);
  expect(typedNumbers('<!--=top.1-->77.3 %<!--/--> `1234` [x](a/1234.md)')).toEqual([]);
  expect(() => filled('{{no.such}}', shown)).toThrow('no.such');
});

it('a picture says its largest value', () => {
  const rows = [
    { label: 'a', value: 1, shown: 'one' },
    { label: 'b', value: -3, shown: 'minus three' },
  ];
  expect(descriptionOf(bars('T', rows))).toBe('T. The largest of 2 is b: minus three; the smallest a: one.');
  expect(descriptionOf(arcs('A', ['x', ' y'], [0.9, 0.1]))).toBe('A. "y" looks at "x" with 90.0 %.');
});

describe('words', () => {
  /** Words that have an everyday sense too, in which an earlier chapter may use them. */
  const everyday = ['value', 'up', 'down', 'block'];
  const words = [
    ...read('docs/glossary.md').matchAll(/^\| ([^|]+) \| \[\d+\]\(\.\.\/course\/(\S+)\/page\.md\)/gm),
  ].map(([, word, folder]) => ({ word, folder }));
  const key = (word: string) => word.toLowerCase().replace(/\s+/g, ' ').replace(/s$/, '');
  const proseOfPage = (text: string) =>
    proseOf(text)
      .replace(/<!--[\s\S]*?-->/g, '')
      .replace(/^ {4}.*$/gm, '')
      .replace(/\[[^\]]*\]/g, '')
      .replace(/\*\*You will be able to\*\*[\s\S]*?\n\n/, '');

  it('are in the glossary where they are explained, in bold letters', () => {
    const explained = new Map<string, string>();
    for (const { folder, text } of pages) {
      for (const [, word] of proseOfPage(text).matchAll(/\*\*([^*.]+)\*\*/g)) {
        if (!explained.has(key(word))) explained.set(key(word), folder);
      }
    }
    expect(words.map(({ word, folder }) => `${key(word)}: ${folder}`).sort()).toEqual(
      [...explained].map(([word, folder]) => `${word}: ${folder}`).sort(),
    );
  });

  it('are not used before they are explained', () => {
    const early: string[] = [];
    for (const { word, folder } of words) {
      if (everyday.includes(word)) continue;
      const pattern = new RegExp(`(?<![\\w-])${word}s?(?![\\w-])`, 'i');
      for (const page of pages.filter((one) => one.folder < folder))
        if (pattern.test(proseOfPage(page.text))) early.push(`${word} in ${page.folder}`);
    }
    expect(early).toEqual([]);
  });
});
