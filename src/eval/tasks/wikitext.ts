// WikiText-2 (Merity et al. 2016): perplexity of whole articles per word and per byte of the original text,
// the form in which models with different tokenizers can be compared.

import { perplexity } from '../metrics.ts';
import { Row } from '../rows.ts';
import type { TextTask } from '../task.ts';

export const wikitext: TextTask = {
  kind: 'text',
  name: 'wikitext',
  definition: 'https://github.com/EleutherAI/lm-evaluation-harness/tree/main/lm_eval/tasks/wikitext',
  dataset: {
    file: 'wikitext2.tokens.test.txt',
    hub: { repo: 'Salesforce/wikitext', config: 'wikitext-2-v1', split: 'test' },
  },
  shots: 0,
  shotChoice: 'random',
  pages: pagesOf,
  doc: (row) => ({ query: '', target: detokenised(row.text('page')) }),
  summary: (scores) => [
    perplexity(
      'word_perplexity',
      scores.map(({ ll, words }) => ({ ll, units: words })),
    ),
    perplexity(
      'byte_perplexity',
      scores.map(({ ll, bytes }) => ({ ll, units: bytes })),
    ),
  ],
};

/**
 * Articles begin at lines like ` = Title = `; the words and bytes counted are those of the text as it is
 * stored.
 */
function pagesOf(rows: readonly Row[]): Row[] {
  const pages: string[] = [];
  for (const row of rows) {
    const line = row.has('line') ? row.text('line') : row.text('text').replace(/\n$/, '');
    if (pages.length === 0 || /^ = [^=].* = $/.test(line)) pages.push('');
    pages[pages.length - 1] += `${line}\n`;
  }
  const whole = pages.filter((page) => page.trim() !== '');
  return whole.map((page, index) => new Row(rows[0].file, index, { page }));
}

const SPACED_NUMBERS: readonly [string, string][] = [
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
];

/**
 * The harness's inverse of WikiText's tokenisation, in its order (one step of it never matches and is left
 * out).
 */
export function detokenised(page: string): string {
  let text = page.replaceAll("s '", "s'");
  for (const [spaced, plain] of SPACED_NUMBERS) text = text.replaceAll(spaced, plain);
  for (const mark of [':', ';', '.', '!', '?', ',']) text = text.replaceAll(` ${mark} `, `${mark} `);
  return text
    .replace(/\(\s*([^)]*?)\s*\)/g, '($1)')
    .replace(/\[\s*([^\]]*?)\s*\]/g, '[$1]')
    .replace(/\{\s*([^}]*?)\s*\}/g, '{$1}')
    .replace(/"\s*([^"]*?)\s*"/g, '"$1"')
    .replace(/'\s*([^']*?)\s*'/g, "'$1'")
    .replaceAll('= = = =', '====')
    .replaceAll('= = =', '===')
    .replaceAll('= =', '==')
    .replaceAll(' ° ', '°')
    .replaceAll(' \n', '\n')
    .replaceAll('\n ', '\n')
    .replaceAll(' N ', ' 1 ')
    .replaceAll(" 's", "'s");
}
