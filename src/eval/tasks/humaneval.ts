// HumanEval (Chen et al. 2021) in its JavaScript port: complete a function, then run its tests in a sandbox.
// Stops are those of MultiPL-E for JavaScript.

import type { WriteTask } from '../task.ts';

export const humanevalJs: WriteTask = {
  kind: 'write',
  name: 'humaneval_js',
  definition: 'https://github.com/openai/human-eval',
  dataset: {
    file: 'humaneval_js.jsonl',
    hub: { repo: 'zai-org/humaneval-x', config: 'js', split: 'test' },
  },
  shots: 0,
  shotChoice: 'random',
  maxNewTokens: 512,
  stop: () => ['\nfunction ', '\n/*', '\n//', '\nconsole.log'],
  doc: (row) => ({ query: row.text('prompt'), target: row.text('canonical_solution') }),
  async grade(row, output, _style, run) {
    const result = await run(`${row.text('prompt')}${output}\n${row.text('test')}`);
    return { chosen: result.reason, gold: 'passed', scores: { 'pass@1': Number(result.passed) } };
  },
};
