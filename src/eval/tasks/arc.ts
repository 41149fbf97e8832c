// ARC (Clark et al. 2018): science questions of school exams, an easy and a challenge set.

import { choicesOf } from '../rows.ts';
import type { ChoiceTask } from '../task.ts';

function arc(set: 'easy' | 'challenge'): ChoiceTask {
  const hub = { repo: 'allenai/ai2_arc', config: set === 'easy' ? 'ARC-Easy' : 'ARC-Challenge' };
  return {
    kind: 'choice',
    name: `arc:${set}`,
    definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
    dataset: { file: `arc_${set}.test.jsonl`, hub: { ...hub, split: 'test' } },
    pool: { file: `arc_${set}.validation.jsonl`, hub: { ...hub, split: 'validation' } },
    shots: 0,
    shotChoice: 'balanced',
    doc(row) {
      const { choices: texts, gold } = choicesOf(row);
      const choices = texts.map((text) => ` ${text}`);
      return { query: `Question: ${row.text('question')}\nAnswer:`, choices, gold, target: choices[gold] };
    },
  };
}

export const arcEasy = arc('easy');
export const arcChallenge = arc('challenge');
