// OpenBookQA (Mihaylov et al. 2018): elementary science facts applied. SmolLM2's list scores the validation
// split, the harness's 0.3 line the test split.

import { choicesOf } from '../rows.ts';
import type { ChoiceTask } from '../task.ts';

function openbookQa(name: string, split: 'validation' | 'test'): ChoiceTask {
  const hub = { repo: 'allenai/openbookqa', config: 'main' };
  return {
    kind: 'choice',
    name,
    definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
    dataset: { file: `openbookqa.${split}.jsonl`, hub: { ...hub, split } },
    pool: { file: 'openbookqa.train.jsonl', hub: { ...hub, split: 'train' } },
    shots: 0,
    shotChoice: 'balanced',
    doc(row) {
      const { choices: texts, gold } = choicesOf(row);
      const choices = texts.map((text) => ` ${text}`);
      return { query: row.text('question_stem'), choices, gold, target: choices[gold] };
    },
  };
}

export const openbookQaValidation = openbookQa('openbook_qa', 'validation');
export const openbookQaTest = openbookQa('openbook_qa:test', 'test');
