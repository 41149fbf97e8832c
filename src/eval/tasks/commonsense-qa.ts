// CommonsenseQA (Talmor et al. 2018): five answers to an everyday question. lighteval scores the answers'
// words, lm-eval lists them and scores the letter.

import { choicesOf } from '../rows.ts';
import type { ChoiceTask } from '../task.ts';

const LETTERS = ['A', 'B', 'C', 'D', 'E'];

export const commonsenseQa: ChoiceTask = {
  kind: 'choice',
  name: 'commonsense_qa',
  definition:
    'https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/tasks/commonsense_qa/default.yaml',
  dataset: {
    file: 'commonsense_qa.validation.jsonl',
    hub: { repo: 'tau/commonsense_qa', config: 'default', split: 'validation' },
  },
  pool: {
    file: 'commonsense_qa.train.jsonl',
    hub: { repo: 'tau/commonsense_qa', config: 'default', split: 'train' },
  },
  shots: 0,
  shotChoice: 'balanced',
  doc(row, style) {
    const { choices: texts, gold } = choicesOf(row);
    const question = row.text('question');
    if (style === 'lighteval') {
      const choices = texts.map((text) => ` ${text}`);
      return { query: question, choices, gold, target: choices[gold] };
    }
    const letters = LETTERS.slice(0, texts.length);
    const listed = letters.map((letter, i) => `${letter}. ${texts[i]}\n`).join('');
    const choices = letters.map((letter) => ` ${letter}`);
    const query = `Question: ${question.trim()}\n${listed}Answer:`;
    return { query, choices, gold, target: choices[gold], chooseBy: 'acc' };
  },
};
