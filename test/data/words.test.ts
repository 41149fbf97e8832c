import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import * as python from '../../src/data/words/python-strings.ts';
import { SPECIAL_CASES } from '../../src/data/words/special-cases.ts';
import { numSentences, sentences, words } from '../../src/data/words/words.ts';

/** What spaCy 3.8.18 says about strange strings of our own: test/golden/data/make_filters.py. */
const { words: cases } = JSON.parse(
  readFileSync(new URL('../golden/data/filters.json', import.meta.url), 'utf8'),
) as { words: [text: string, words: string[], sentenceLengths: number[]][] };

describe('words', () => {
  it('are those of spaCy in 400 strings of special cases, marks and white space', () => {
    for (const [text, expected] of cases) expect([text, words(text)]).toEqual([text, expected]);
  });

  it('mend what the rules tore, also across a space that keeps shorter forms apart', () => {
    expect(words('(e.g.), o.O')).toEqual(['(', 'e.g.', ')', ',', 'o.O']);
    expect(words(':-) )')).toEqual([':-)', ')']);
    expect(words("' s")).toEqual(["'", 's']);
    // A mark behind a plain word begins a torn form that meets the mended one.
    expect(words('seen: (e.g.): D')).toEqual(['seen', ':', '(', 'e.g.', '):', 'D']);
    expect(words('It is 2012, or 5. Mr. B')).toEqual(['It', 'is', '2012', ',', 'or', '5', '.', 'Mr.', 'B']);
  });

  it('know 1,347 special cases, each of which is its tokens joined', () => {
    expect(SPECIAL_CASES.size).toBe(1347);
    for (const [chunk, tokens] of SPECIAL_CASES) expect(tokens.join('')).toBe(chunk);
  });

  it('are the same when a chunk is asked for again, and after more chunks than are remembered', {
    tags: ['slow'],
  }, () => {
    const [text, expected] = cases[0];
    const many = Array.from({ length: 20_000 }, (_, i) => `w${i}`).join(' ');
    expect(words(many)).toHaveLength(20_000);
    expect(words(text)).toEqual(expected);
  });

  it('remember what fits in 16 MB, however many chunks are odd', { tags: ['slow'] }, () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = () => {
      words('.');
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = kept();
    for (let page = 0; page < 60; page++) {
      words(Array.from({ length: 1000 }, (_, i) => `(rare${page}/${i})`).join(' '));
    }
    // 60,000 chunks of four tokens: 26 MB if all were remembered.
    expect(kept() - before).toBeLessThan(16e6);
  });
});

describe('sentences', () => {
  it('are those of spaCy, and together they are the text', { tags: ['slow'] }, () => {
    for (const [text, , lengths] of cases) {
      const found = sentences(text);
      expect([text, found.map(python.numCodePoints)]).toEqual([text, lengths]);
      expect(found.join('')).toBe(text);
      expect(numSentences(text)).toBe(lengths.length);
    }
  });
});

describe('strings as Python sees them', () => {
  it('splits lines at eleven separators and strips what Python calls white space', () => {
    expect(python.splitLines('a\r\nb\x0bc\x1cd\x85e\u2028f\n')).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(python.splitLines('')).toEqual([]);
    expect(python.splitLines('\n\n')).toEqual(['', '']);
    expect(python.strip('\x1f\x85 a\ufeff ')).toBe('a\ufeff');
    expect(python.splitSpaces(' a\u3000b\x1cc ')).toEqual(['a', 'b', 'c']);
  });

  it('counts code points, and occurrences that do not overlap', () => {
    expect(python.numCodePoints('a𝒳\ud800')).toBe(3);
    expect(python.countOf('.......', '...')).toBe(2);
  });
});
