// PIQA (Bisk et al. 2019): which of two ways to do an everyday thing is the sensible one.

import type { ChoiceTask } from '../task.ts';

export const piqa: ChoiceTask = {
  kind: 'choice',
  name: 'piqa',
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: {
    file: 'piqa.validation.jsonl',
    hub: { repo: 'ybisk/piqa', config: 'plain_text', split: 'validation' },
  },
  pool: { file: 'piqa.train.jsonl', hub: { repo: 'ybisk/piqa', config: 'plain_text', split: 'train' } },
  shots: 0,
  shotChoice: 'balanced',
  doc(row) {
    const choices = [` ${row.text('sol1')}`, ` ${row.text('sol2')}`];
    const gold = row.index0('label', 2);
    return { query: `Question: ${row.text('goal')}\nAnswer:`, choices, gold, target: choices[gold] };
  },
};
