import { describe, expect, it } from 'vitest';
import { NGrams } from '../../src/data/filters/n-grams.ts';
import { numCodePoints } from '../../src/data/words/python-strings.ts';

/** As one would write it: strings in a map. */
function plainTop(words: readonly string[], n: number): number {
  const counts = new Map<string, number>();
  for (let w = 0; w + n <= words.length; w++) {
    const run = words.slice(w, w + n).join(' ');
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  const most = Math.max(0, ...counts.values());
  const top = [...counts].find(([, count]) => count === most);
  return top ? numCodePoints(top[0]) * most : 0;
}

function plainRepeated(words: readonly string[], n: number): number {
  const seen = new Set<string>();
  let numChars = 0;
  for (let w = 0; w + n <= words.length; ) {
    const run = words.slice(w, w + n).join('');
    if (seen.has(run)) {
      numChars += numCodePoints(run);
      w += n;
    } else {
      seen.add(run);
      w++;
    }
  }
  return numChars;
}

describe('NGrams', () => {
  it('counts as strings in a map do, in any order of lengths, for few and many words', () => {
    let state = 7;
    const draw = (count: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * count);
    };
    const vocabulary = ['a', 'b', 'ab', 'c', 'bc', '𝒳', 'é', 'the', ','];
    for (const size of [0, 1, 2, 5, 40, 300, 3000]) {
      const words = Array.from({ length: size }, () => vocabulary[draw(vocabulary.length)]);
      const runs = new NGrams(words);
      for (const n of [3, 2, 4, 1, 7])
        expect([size, n, runs.topChars(n)]).toEqual([size, n, plainTop(words, n)]);
      for (const n of [5, 2, 10, 6])
        expect([size, n, runs.repeatedChars(n)]).toEqual([size, n, plainRepeated(words, n)]);
    }
  });

  it('takes ab c for a repeat of a bc where no space joins them', () => {
    expect(new NGrams(['ab', 'c', 'a', 'bc']).repeatedChars(2)).toBe(3);
    expect(new NGrams(['ab', 'c', 'a', 'bc']).topChars(2)).toBe('ab c'.length);
  });
});
