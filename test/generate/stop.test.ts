import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopScanner } from '../../src/generate/stop.ts';

/** What is shown when `text` comes in pieces cut at `cuts`, and what each piece showed. */
function scan(text: string, stops: string[], cuts: number[]) {
  const scanner = new StopScanner(stops);
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const shown: string[] = [];
  let from = 0;
  for (const place of [...places, text.length]) {
    shown.push(scanner.push(text.slice(from, place)));
    from = place;
  }
  shown.push(scanner.end());
  return { shown, text: shown.join(''), stoppedBy: scanner.stoppedBy };
}

/** The definition: the stop string that is complete first ends the text where it begins. */
function definition(text: string, stops: string[]): { text: string; stoppedBy?: string } {
  for (let end = 1; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (complete.length === 0) continue;
    const longest = complete.reduce((a, b) => (b.length > a.length ? b : a));
    return { text: text.slice(0, end - longest.length), stoppedBy: longest };
  }
  return { text };
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '🙂'), maxLength: 40 });
const stopStrings = fc.array(
  fc.string({ unit: fc.constantFrom('a', 'b', 'c', '🙂'), minLength: 1, maxLength: 6 }),
  {
    maxLength: 4,
  },
);

describe('StopScanner', () => {
  it('shows what its definition says, for 2,000 texts cut anywhere', { tags: ['slow'] }, () => {
    fc.assert(
      fc.property(letters, stopStrings, fc.array(fc.nat(), { maxLength: 12 }), (text, stops, cuts) => {
        const expected = definition(text, stops);
        const got = scan(text, stops, cuts);
        expect(got.text).toBe(expected.text);
        expect(got.stoppedBy).toBe(expected.stoppedBy);
      }),
      { numRuns: 2000 },
    );
  });

  it('holds back no more than could still become a stop string', () => {
    expect(scan('abxab', ['abc'], [1, 2, 3, 4]).shown).toEqual(['', '', 'abx', '', '', 'ab']);
  });

  it('prefers the stop string that is complete first, though another began earlier', () => {
    expect(scan('abcd', ['bc', 'abcd'], []).text).toBe('a');
  });

  it('refuses empty strings and what is not a string', () => {
    expect(() => new StopScanner([''])).toThrow(RangeError);
    expect(() => new StopScanner([7 as unknown as string])).toThrow(TypeError);
  });
});
