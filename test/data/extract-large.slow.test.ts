import { describe, expect, it } from 'vitest';
import { extractText } from '../../src/data/extract/extract.ts';

const LONG = 'The bridge carries eleven lorries at once, and nobody has ever tried a twelfth.';

describe('large hostile pages', () => {
  it.each([
    ['<div>'.repeat(100_000) + LONG],
    ['<span class="katex">'.repeat(20_000) + LONG],
    [
      '<div class="menu-item menu">'.repeat(1) +
        '<b>'.repeat(50_000) +
        '</b>'.repeat(50_000) +
        '</div>' +
        LONG,
    ],
    [`<p ${Array.from({ length: 20_000 }, (_, i) => `a${i}=1`).join(' ')}>${LONG}`],
  ])('100,000 tags or attributes: the text comes out (%#)', (html) => expect(extractText(html)).toBe(LONG));

  it('a page of unclosed <b> in every paragraph is refused before it fills the memory', () => {
    const bold = Array.from({ length: 1500 }, (_, i) => `<b id=${i}>`).join('');
    expect(() => extractText(`<div>${bold}</div>${'<p>x'.repeat(2000)}`)).toThrow('at most 1000000 elements');
  });
});
