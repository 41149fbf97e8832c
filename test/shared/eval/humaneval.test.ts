// Both sandboxes let every reference solution of HumanEval through, so a model that fails has failed by itself.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/eval/rows.ts';
import type { RunCode, WriteTask } from '../../../src/eval/task.ts';
import { humanevalJs, humanevalPython } from '../../../src/eval/tasks/humaneval.ts';
import { runInSandbox } from '../../../src/node/eval/js-sandbox.ts';
import { runPython } from '../../../src/node/eval/python-sandbox.ts';
import { evalRows } from '../eval-files.ts';

const hasPython = spawnSync('python3', ['-c', 'import resource']).status === 0;
const run: RunCode = (program, language) =>
  language === 'python' ? runPython('python3', program) : runInSandbox(program);

async function failures(task: WriteTask, answerOf: (row: Row) => string): Promise<string[]> {
  const failed: string[] = [];
  for (const row of evalRows(task.dataset)) {
    const { scores, chosen } = await task.grade(row, answerOf(row), 'lighteval', run);
    if (scores['pass@1'] !== 1) failed.push(`${row.text('task_id')}: ${chosen}`);
  }
  return failed;
}

describe('HumanEval', () => {
  it.runIf(hasPython)('passes the 164 reference solutions in Python', async () => {
    expect(evalRows(humanevalPython.dataset)).toHaveLength(164);
    expect(await failures(humanevalPython, (row) => row.text('canonical_solution'))).toEqual([]);
  });

  it('passes 161 reference solutions in JavaScript: two are wrong, one wants a package', async () => {
    expect(evalRows(humanevalJs.dataset)).toHaveLength(164);
    // Plain Node fails the same three: 112 writes a pair as (a, b), 155 forgets zero, 162 loads js-md5.
    expect(await failures(humanevalJs, (row) => row.text('canonical_solution'))).toEqual([
      'JavaScript/112: failed assertion',
      'JavaScript/155: failed assertion',
      'JavaScript/162: ReferenceError: require is not defined',
    ]);
  });

  it.runIf(hasPython)('fails a function that returns nothing, in both languages', async () => {
    expect(await failures(humanevalPython, () => '    pass\n')).toHaveLength(164);
    expect(await failures(humanevalJs, () => '}\n')).toHaveLength(164);
  });
});
