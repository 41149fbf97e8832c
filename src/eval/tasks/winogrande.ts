// WinoGrande (Sakaguchi et al. 2019): whom a pronoun's gap means. lighteval asks which filled-in rest is
// likelier after the text before the gap; lm-eval asks after which filled-in beginning the common rest is
// likelier.

import type { Row } from '../rows.ts';
import type { ChoiceTask } from '../task.ts';

export const winogrande: ChoiceTask = {
  kind: 'choice',
  name: 'winogrande',
  definition: 'https://github.com/EleutherAI/lm-evaluation-harness/tree/main/lm_eval/tasks/winogrande',
  dataset: {
    file: 'winogrande_xl.validation.jsonl',
    hub: { repo: 'allenai/winogrande', config: 'winogrande_xl', split: 'validation' },
  },
  pool: {
    file: 'winogrande_xl.train.jsonl',
    hub: { repo: 'allenai/winogrande', config: 'winogrande_xl', split: 'train' },
  },
  shots: 0,
  shotChoice: 'balanced',
  doc(row, style) {
    const { before, rest } = gapOf(row);
    const options = [row.text('option1'), row.text('option2')];
    const gold = row.index0('answer', 3) - 1;
    if (gold < 0) row.refuse('answer', '1 or 2', row.raw('answer'));
    if (style === 'lighteval') {
      const choices = options.map((option) => `${option} ${rest}`);
      return { query: before, choices, gold, target: choices[gold] };
    }
    const queries = options.map((option) => before + option);
    const target = ` ${rest}`;
    return {
      query: queries[gold],
      queries,
      choices: [target, target],
      gold,
      target,
      chooseBy: 'acc',
    };
  },
};

function gapOf(row: Row): { before: string; rest: string } {
  const sentence = row.text('sentence');
  const gap = sentence.indexOf('_');
  if (gap < 0) row.refuse('sentence', 'a gap written as _', sentence);
  return { before: sentence.slice(0, gap), rest: sentence.slice(gap + 1).trim() };
}
