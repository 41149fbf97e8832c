// Runs of tuning as their recipe asks for them: when they save and evaluate, on which rows, and what they say.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tuningFolder } from '../support/tuning.ts';

const { tune } = tuningFolder();
const saved = (out: string) => readdirSync(join(out, 'checkpoints')).filter((name) => name !== 'latest');
const evaluated = (lines: readonly Record<string, unknown>[]) =>
  lines.filter((line) => line.eval_loss !== undefined).map(({ step }) => step);

describe('a run of two epochs, of three steps each', () => {
  const keys = {
    num_train_epochs: 2,
    max_steps: -1,
    dataset_test_split: 'train',
    save_steps: 2,
    eval_steps: 2,
  };

  it('saves and evaluates at the end of each', async () => {
    const each = { save_strategy: 'epoch', eval_strategy: 'epoch' };
    const { out, lines } = await tune('epochs', { ...keys, ...each });
    expect(saved(out)).toEqual(['step-00000003', 'step-00000006']);
    expect(evaluated(lines)).toEqual([3, 6]);
  });

  it('saves at its end alone and never evaluates', async () => {
    const never = { save_strategy: 'no', eval_strategy: 'no' };
    const { out, lines } = await tune('never', { ...keys, ...never });
    expect(saved(out)).toEqual(['step-00000006']);
    expect(evaluated(lines)).toEqual([]);
  });
});
