// MATH (Hendrycks et al. 2021): competition problems; the boxed answer is compared after normalisation.
// lighteval's four shots come from a split that is only on the hub.

import { mathAnswer } from '../math-answer.ts';
import type { Row } from '../rows.ts';
import type { Grade, Style, WriteTask } from '../task.ts';

const REQUEST = 'Please reason step by step, and put your final answer within \\boxed{}.';

function math(name: string, file: string, split: string, shots: number): WriteTask {
  const hub = { repo: 'HuggingFaceTB/math_tasks', config: 'math' };
  return {
    kind: 'write',
    name,
    definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
    dataset: { file, hub: { ...hub, split } },
    pool: { file: 'math.demo.jsonl', hub: { ...hub, split: 'demo' } },
    shots,
    shotChoice: 'sequential',
    maxNewTokens: 1024,
    stop: (style) => [style === 'lm-eval' ? '\n' : '\n\n'],
    doc: (row, style) =>
      style === 'lm-eval'
        ? { query: `Problem: ${row.text('problem')}\nAnswer:`, target: ` ${row.text('solution')}` }
        : { query: `${row.text('problem')}\n${REQUEST}\n\n`, target: `${row.text('solution')}\n\n` },
    grade,
  };
}

function grade(row: Row, output: string, _style: Style): Grade {
  const gold = mathAnswer(row.text('solution'));
  const chosen = mathAnswer(output);
  return { chosen, gold, scores: { qem: Number(chosen !== '' && chosen === gold) } };
}

export const mathTest = math('math', 'math.test.jsonl.gz', 'test', 4);
export const math500 = math('math500', 'math500.test.jsonl', 'test', 0);
