// MMLU (Hendrycks et al. 2020), 57 subjects. `mmlu` scores the words of the answers (lighteval without
// listing them, lm-eval's 0.3 line after listing them), `mmlu_letters` the letters after listing them.

import { choicesOf, type Row } from '../rows.ts';
import type { ChoiceTask, Doc, Style } from '../task.ts';

const LETTERS = ['A', 'B', 'C', 'D'];

function mmlu(name: string, doc: (row: Row, style: Style) => Doc): ChoiceTask {
  const hub = { repo: 'cais/mmlu', config: 'all' };
  return {
    kind: 'choice',
    name,
    definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
    dataset: { file: 'mmlu.test.jsonl.gz', hub: { ...hub, split: 'test' } },
    pool: { file: 'mmlu.dev.jsonl', hub: { ...hub, split: 'dev' } },
    shots: 0,
    shotChoice: 'sequential',
    group: (row) => row.text('subject'),
    doc,
  };
}

const subjectOf = (row: Row) => row.text('subject').replaceAll('_', ' ');
const listed = (texts: readonly string[]) => LETTERS.map((letter, i) => `${letter}. ${texts[i]}\n`).join('');

export const mmluCloze = mmlu('mmlu', (row, style) => {
  const { choices: texts, gold } = choicesOf(row);
  const choices = texts.map((text) => ` ${text}`);
  const target = choices[gold];
  const question = row.text('question');
  if (style === 'lm-eval') {
    return { query: `Question: ${question}\nChoices:\n${listed(texts)}Answer:`, choices, gold, target };
  }
  const instruction = `The following are questions about ${subjectOf(row)}.\n`;
  return { instruction, query: `Question: ${question}\nAnswer:`, choices, gold, target };
});

export const mmluLetters = mmlu('mmlu_letters', (row, style) => {
  const { choices: texts, gold } = choicesOf(row);
  const choices = LETTERS.map((letter) => ` ${letter}`);
  const question = style === 'lm-eval' ? row.text('question').trim() : row.text('question');
  return {
    instruction: `The following are multiple choice questions (with answers) about ${subjectOf(row)}.\n\n`,
    query: `${question}\n${listed(texts)}Answer:`,
    choices,
    gold,
    target: choices[gold],
    chooseBy: style === 'lm-eval' ? 'acc' : 'acc_norm',
  };
});
