// LAMBADA (Paperno et al. 2016, the selection of GPT-2): the last word of a passage, which only its whole
// context gives away. Right when greedy decoding says it.

import { meansOf, perplexity } from '../metrics.ts';
import type { TargetTask } from '../task.ts';

export const lambada: TargetTask = {
  kind: 'target',
  name: 'lambada',
  definition:
    'https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/tasks/lambada/lambada_openai.yaml',
  dataset: {
    file: 'lambada_openai.jsonl',
    hub: { repo: 'EleutherAI/lambada_openai', config: 'default', split: 'test' },
  },
  shots: 0,
  shotChoice: 'random',
  doc(row) {
    if (!row.has('context')) {
      const text = row.text('text');
      const blank = text.lastIndexOf(' ');
      return { query: text.slice(0, blank), target: text.slice(blank) };
    }
    return { query: row.text('context'), target: ` ${row.text('continuation')}` };
  },
  summary: (scores) => [
    ...meansOf(scores.map(({ acc }) => ({ acc }))),
    perplexity(
      'ppl',
      scores.map(({ ll }) => ({ ll, units: 1 })),
    ),
  ],
};
