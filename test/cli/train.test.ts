// What is typed for `smollm2 train`: refused before anything is opened, and the line of a step.

import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { tinyRun } from '../support/tiny-run.ts';

const { recipe, out } = tinyRun();

describe('smollm2 train', () => {
  it.each([
    [[], '--out: expected a folder for the run, got nothing'],
    [['--out', out('x'), '--decay-steps', '3'], '--decay-steps: expected --decay-from with it, got none'],
    [['--out', out('x'), '--threads', '1000'], '--threads: expected at most '],
    [['--out', out('x'), '--seed', '4294967296'], '--seed: expected at most 4294967295 (32 bits)'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await runCli(['train', recipe, ...args]);
    expect(`${code} ${stderr}`).toContain(`2 smollm2: ${message}`);
  });

  it('tells the time that is left from the second step on, to the step it will stop at', async () => {
    const { stdout } = await runCli([
      'train',
      recipe,
      '--out',
      out('two'),
      '--threads',
      '1',
      '--max-steps',
      '2',
    ]);
    const [first, second] = stdout.split('\n').filter((line) => line.startsWith('step'));
    expect(first).toMatch(/^step 1\/20 .*tokens\/s$/);
    expect(second).toMatch(/^step 2\/20 .*tokens\/s {2}0 s left$/);
  });
});
