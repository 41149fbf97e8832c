import { describe, expect, it } from 'vitest';
import { follows, INSTRUCTION_KINDS } from '../../src/eval/instructions.ts';
import { mathAnswer } from '../../src/eval/math-answer.ts';
import { Row } from '../../src/eval/rows.ts';
import { gsm8k } from '../../src/eval/tasks/gsm8k.ts';

const boxed = (answer: string) => mathAnswer(`\\boxed{${answer}}`);

/** Other ways to write the same answer. */
const RESPELLINGS: ((answer: string) => string)[] = [
  (a) => ` ${a} `,
  (a) => `${a}.`,
  (a) => `$${a}$`,
  (a) => a.replaceAll('\\frac', '\\dfrac'),
  (a) => a.replace(/,\s+/g, ','),
  (a) => a.replace(/\s*\\\\\s*/g, '\\\\'),
  (a) => a.replace(/(?<!\\) /g, '  '),
  (a) => a.replace(/(?<!\\) /g, '\n'),
  (a) => a.replace(/\s*([-+=&])\s*/g, '$1'),
  (a) => a.replace(/(\\(?:begin|end)\{pmatrix\})\s*/g, '$1 '),
];

describe('mathAnswer', () => {
  it.each([
    ['[-7,310]', '[-7, 310]'],
    ['(3,11) \\cup (11,120)', '(3,11)\\cup(11,120)'],
    ['(2,500)', '(2, 500)'],
    ['30^\\circ, 150^\\circ', '30^\\circ,150^\\circ'],
    ['\\begin{pmatrix} 4 \\\\ 2 \\\\ 1 \\end{pmatrix}', '\\begin{pmatrix}4\\\\2\\\\1\\end{pmatrix}'],
    ['\\begin{pmatrix} 12 & 7 \\\\ -3 & -8 \\end{pmatrix}', '\\begin{pmatrix}12&7\\\\-3&-8\\end{pmatrix}'],
    ['1{,}250', '1,250'],
    ['24,\\!500', '24500'],
    ['9\\text{ pencils}', '$9\\text{ pencils}$'],
  ])('reads %s and %s as one answer', (one, other) => {
    expect(boxed(other)).toBe(boxed(one));
  });

  it.each([
    ['(2,500)', '(2500)'],
    ['5,120', '5, 12, 0'],
    ['\\begin{pmatrix}1\\\\2\\end{pmatrix}', '\\begin{pmatrix}12\\end{pmatrix}'],
  ])('tells %s from %s', (one, other) => {
    expect(boxed(other)).not.toBe(boxed(one));
  });

  it.each([
    ['The answer is: 7', '7'],
    ['So the final answer is: $42$.', '42'],
    ['The answer is 7 miles per hour.', '7'],
  ])('reads %s', (text, answer) => {
    expect(mathAnswer(text)).toBe(boxed(answer));
  });

  it('knows every answer respelled ten ways', () => {
    const answers = [
      '\\frac{3}{7}',
      '-\\frac{1}{2}',
      '2\\sqrt{5}',
      '(1,-2)',
      '1,2,3',
      'x + 3y - 4 = 0',
      '0.5',
      '10,080',
      '12\\pi',
      '\\begin{pmatrix} 1/5 & 0 \\\\ 0 & 2 \\end{pmatrix}',
      '(-\\infty, 3] \\cup [5,100)',
      '\\text{(B)}',
      '65^\\circ',
    ];
    for (const answer of answers) {
      for (const respelled of RESPELLINGS)
        expect(boxed(respelled(answer)), respelled(answer)).toBe(boxed(answer));
    }
  });
});

describe('gsm8k in the style of lm-eval', () => {
  it.each([
    ['#### 18.', 1],
    ['#### 18', 1],
    ['#### 18.0', 0],
    ['#### $18', 0],
  ])('scores %s strictly as %i', async (output, score) => {
    const row = new Row('rows', 0, { question: 'q', answer: '#### 18' });
    const nothingRuns = () => Promise.reject(new Error('no program here'));
    expect((await gsm8k.grade(row, output, 'lm-eval', nothingRuns)).scores.strict_match).toBe(score);
  });
});

describe('the checkers of IFEval', () => {
  it.each([
    ['{"a": NaN}', true],
    ['NaN', true],
    ['{"a": -Infinity}', true],
    ['"NaN, Infinity" ', true],
    ['{NaN: 1}', false],
    ['1NaN', false],
    ['\ufeff{"a":1}', false],
    ['{"a":\u00a01}', false],
  ])('take %s for JSON: %s, as json.loads does', (text, isJson) => {
    expect(follows('detectable_format:json_format', text, {})).toBe(isJson);
  });

  it.each([
    ['* one\n* two\n\n  * three', 3],
    ['*\nnext line belongs to it\n* two', 2],
    ['** no\n- yes\n  - yes', 2],
    ['\n\n\n-', 1],
  ])('count bullets as the original does: %j has %i', (text, count) => {
    expect(follows('detectable_format:number_bullet_lists', text, { num_bullets: count })).toBe(true);
  });

  it('count sentences by what stands at the end of words', () => {
    const has = (text: string, count: number) => {
      const args = { relation: 'at least', num_sentences: count };
      const kind = 'length_constraints:number_sentences';
      return follows(kind, text, args) && !follows(kind, text, { ...args, num_sentences: count + 1 });
    };
    expect(has('He said "Yes." Then he left... and Dr. Who came! At 5. he slept?', 3)).toBe(true);
    expect(has('. . . .', 4)).toBe(true);
  });

  it('go through 100,000 characters of anything that repeats in linear steps', { tags: ['slow'] }, () => {
    const args = {
      keywords: ['a'],
      forbidden_words: ['b'],
      keyword: '(x+x+)+y',
      relation: 'at least',
      frequency: 1,
      letter: 'z',
      let_relation: 'at least',
      let_frequency: 1,
      language: 'en',
      num_sentences: 3,
      num_paragraphs: 2,
      num_words: 3,
      nth_paragraph: 1,
      first_word: 'a',
      num_placeholders: 1,
      postscript_marker: 'P.S.',
      num_bullets: 1,
      num_highlights: 1,
      section_spliter: '(a*)*',
      num_sections: 2,
      prompt_to_repeat: 'x',
      end_phrase: 'x',
      capital_relation: 'at least',
      capital_frequency: 1,
    };
    // A step that is quadratic takes minutes here, and the test its time-out.
    for (const piece of [
      '.',
      '!?',
      ' ',
      '\n',
      '"',
      '<<',
      '[',
      '*',
      '.]',
      'x',
      '1',
      'p.',
      '\\text{',
      '. ',
      "'",
      '-\n',
    ]) {
      const text = `${piece.repeat(Math.ceil(100_000 / piece.length))}q`;
      for (const kind of INSTRUCTION_KINDS) expect(typeof follows(kind, text, args)).toBe('boolean');
      expect(typeof mathAnswer(text)).toBe('string');
      expect(typeof mathAnswer(`\\boxed{${text}}`)).toBe('string');
    }
  });
});
