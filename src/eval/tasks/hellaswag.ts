// HellaSwag (Zellers et al. 2019): how a clip or an instruction goes on. The hub has the original fields; the
// local file has llama.cpp's reading of them, from which the queries of the ActivityNet rows can be rebuilt
// exactly and those of the WikiHow rows closely.

import type { Row } from '../rows.ts';
import type { ChoiceTask } from '../task.ts';

/** In the validation split the ActivityNet rows come first: rows 0 to 3242. */
const NUM_ACTIVITYNET_ROWS = 3243;

export const hellaswag: ChoiceTask = {
  kind: 'choice',
  name: 'hellaswag',
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: {
    file: 'hellaswag.val.klosax.jsonl.gz',
    hub: { repo: 'Rowan/hellaswag', config: 'default', split: 'validation' },
  },
  pool: {
    file: 'hellaswag.train.jsonl',
    hub: { repo: 'Rowan/hellaswag', config: 'default', split: 'train' },
  },
  shots: 0,
  shotChoice: 'balanced',
  doc(row, style) {
    const trimmed = style === 'lm-eval';
    const clean = (text: string) => cleaned(trimmed ? text.trim() : text);
    const query = clean(`${textOf(row)} `);
    const choices = row.texts('endings').map((ending) => ` ${clean(ending)}`);
    const gold = row.index0('label', choices.length);
    return { query, choices, gold, target: choices[gold] };
  },
};

function textOf(row: Row): string {
  if (row.has('ctx_a')) {
    return `${row.text('activity_label')}: ${row.text('ctx_a')} ${capitalised(row.text('ctx_b'))}`;
  }
  const text = row.text('ctx');
  if (row.index >= NUM_ACTIVITYNET_ROWS) return text;
  const lastFragment = /(?<=[.:!?,"')] )\p{Ll}[^.:]*$/u.exec(text);
  return lastFragment ? text.slice(0, lastFragment.index) + capitalised(lastFragment[0]) : text;
}

/** Tags are left-overs of WikiHow's mark-up. */
function cleaned(text: string): string {
  return text
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');
}

/** Python's `str.capitalize`: the first letter upper case, all others lower case. */
function capitalised(text: string): string {
  const [first = '', ...others] = text;
  return first.toUpperCase() + others.join('').toLowerCase();
}
