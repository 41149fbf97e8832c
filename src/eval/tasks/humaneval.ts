// HumanEval (Chen et al. 2021), in Python and in its JavaScript port: complete a function, then run its tests
// in a sandbox. Stops are those of lm-evaluation-harness for Python and of MultiPL-E for JavaScript.

import type { Language, WriteTask } from '../task.ts';

type Facts = Pick<WriteTask, 'name' | 'dataset' | 'maxNewTokens'>;

function humanEval(
  language: Language,
  facts: Facts,
  stops: readonly string[],
  check: (entryPoint: () => string) => string,
): WriteTask {
  return {
    kind: 'write',
    ...facts,
    definition: 'https://github.com/openai/human-eval',
    runs: language,
    shots: 0,
    shotChoice: 'random',
    stop: () => stops,
    doc: (row) => ({ query: row.text('prompt'), target: row.text('canonical_solution') }),
    async grade(row, output, _style, run) {
      const tests = `${row.text('test')}\n${check(() => row.text('entry_point'))}`;
      const { passed, reason } = await run(`${row.text('prompt')}${output}\n${tests}`, language);
      return { chosen: reason, gold: 'passed', scores: { 'pass@1': Number(passed) } };
    },
  };
}

export const humanevalJs = humanEval(
  'javascript',
  {
    name: 'humaneval_js',
    dataset: {
      file: 'humaneval_js.jsonl',
      hub: { repo: 'zai-org/humaneval-x', config: 'js', split: 'test' },
    },
    maxNewTokens: 512,
  },
  ['\nfunction ', '\n/*', '\n//', '\nconsole.log'],
  () => '',
);

export const humanevalPython = humanEval(
  'python',
  {
    name: 'humaneval',
    dataset: {
      file: 'humaneval.jsonl',
      hub: { repo: 'openai/openai_humaneval', config: 'openai_humaneval', split: 'test' },
    },
    maxNewTokens: 1024,
  },
  ['\nclass', '\ndef', '\n#', '\nif', '\nprint'],
  (entryPoint) => `check(${entryPoint()})\n`,
);
