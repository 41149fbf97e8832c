import { describe, expect, it } from 'vitest';
import { classTable, LETTER, NEWLINE, NUMBER, OTHER, SPACE } from '../../src/tokenizer/unicode.ts';

/** Code points of a class, counted over all of Unicode. */
function count(kind: number): number {
  return classTable().filter((value) => value === kind).length;
}

describe('classTable', () => {
  it('has 141028 letters of Unicode 16, 1924 numbers of Unicode 17 and 25 characters of white space', () => {
    expect(count(LETTER)).toBe(141_028);
    expect(count(NUMBER)).toBe(1924);
    expect([count(SPACE), count(NEWLINE)]).toEqual([23, 2]);
  });

  it('takes nothing for a letter, number or space that the JavaScript engine knows otherwise', () => {
    const patterns = new Map([
      [LETTER, /^\p{L}$/u],
      [NUMBER, /^\p{N}$/u],
      [SPACE, /^\p{White_Space}$/u],
      [NEWLINE, /^[\r\n]$/],
    ]);
    classTable().forEach((kind, codePoint) => {
      const char = String.fromCodePoint(codePoint);
      // An engine with an older Unicode may have no opinion.
      if (kind === OTHER || /^\p{Cn}$/u.test(char)) return;
      if (!patterns.get(kind)!.test(char)) expect.fail(`U+${codePoint.toString(16)} has class ${kind}`);
    });
  });

  it('leaves out only letters newer than Unicode 16: none below U+088F', () => {
    const table = classTable();
    for (let codePoint = 0; codePoint < 0x88f; codePoint++) {
      const char = String.fromCodePoint(codePoint);
      expect(table[codePoint] === LETTER, char).toBe(/^\p{L}$/u.test(char));
    }
  });

  it('takes U+0085 for white space and U+FEFF not, unlike \\s', () => {
    expect(classTable()[0x85]).toBe(SPACE);
    expect(classTable()[0xfeff]).toBe(OTHER);
  });
});
