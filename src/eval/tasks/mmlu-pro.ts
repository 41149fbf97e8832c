// MMLU-Pro (Wang et al. 2024): up to ten listed answers. As SmolLM2 was scored, the continuation is the bare
// letter, glued to `Answer:` without a blank.

import type { ChoiceTask } from '../task.ts';

export const mmluPro: ChoiceTask = {
  kind: 'choice',
  name: 'mmlu_pro',
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: {
    file: 'mmlu_pro.test.jsonl.gz',
    hub: { repo: 'TIGER-Lab/MMLU-Pro', config: 'default', split: 'test' },
  },
  pool: {
    file: 'mmlu_pro.validation.jsonl',
    hub: { repo: 'TIGER-Lab/MMLU-Pro', config: 'default', split: 'validation' },
  },
  shots: 0,
  shotChoice: 'balanced',
  doc(row, style) {
    const options = row.texts('options');
    const gold = row.index0('answer_index', options.length);
    const letters = options.map((_, i) => String.fromCharCode(65 + i));
    const list = letters.map((letter, i) => `${letter}. ${options[i]}\n`).join('');
    const choices = style === 'lm-eval' ? letters.map((letter) => ` ${letter}`) : letters;
    const topic = row.text('category').replaceAll('_', ' ');
    return {
      instruction: `The following are multiple choice questions (with answers) about ${topic}.\n\n`,
      query: `${row.text('question')}\n${list}Answer:`,
      choices,
      gold,
      target: choices[gold],
    };
  },
};
