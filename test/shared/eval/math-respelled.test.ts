import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { mathAnswer } from '../../../src/eval/math-answer.ts';
import { sharedFile } from '../shared.ts';

/** Other ways to write an answer that no reader would take for another. */
const RESPELLINGS: readonly ((answer: string) => string)[] = [
  (a) => ` ${a} `,
  (a) => `$${a}$`,
  (a) => a.replaceAll('\\frac', '\\dfrac'),
  (a) => a.replace(/,\s+/g, ','),
  (a) => a.replace(/(?<=[([][^()[\]]*),\s*/g, ', '),
  (a) => a.replace(/\s*\\\\\s*/g, '\\\\'),
  (a) => a.replace(/(?<!\\) /g, '  '),
  (a) => a.replace(/(?<!\\) /g, '\n'),
  (a) => a.replace(/\s*([-+=&])\s*/g, '$1'),
  (a) => a.replace(/(\\(?:begin|end)\{pmatrix\})\s*/g, '$1 '),
];

/** What stands in the last \\boxed{…}, or behind \\boxed without braces. */
function boxContents(solution: string): string {
  const text = solution.slice(solution.lastIndexOf('boxed') + 5);
  if (text[0] !== '{') return text.split('$')[0].trim();
  let depth = 0;
  const end = [...text].findIndex((char) => (depth += Number(char === '{') - Number(char === '}')) === 0);
  return text.slice(1, end);
}

it('MATH: every one of the 5,000 gold answers, respelled ten ways, is equal to itself', () => {
  const lines = gunzipSync(readFileSync(sharedFile('eval-data/math.test.jsonl.gz')))
    .toString()
    .trim()
    .split('\n');
  expect(lines.length).toBe(5000);
  const different: string[][] = [];
  for (const line of lines) {
    const answer = boxContents(JSON.parse(line).solution);
    const gold = mathAnswer(`\\boxed{${answer}}`);
    for (const respelled of RESPELLINGS) {
      if (mathAnswer(`\\boxed{${respelled(answer)}}`) !== gold) different.push([answer, respelled(answer)]);
    }
  }
  expect(different).toEqual([]);
});
