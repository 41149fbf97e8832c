// A stop and a resume at each step of the tiny run; every one writes and reads checkpoints, which takes a disk's time.

import { expect, it } from 'vitest';
import { runTraining } from '../../src/node/train/run.ts';
import { tinyRun } from '../support/tiny-run.ts';

it('a run that is stopped after any of its 20 steps and resumed has the loss hash of one that was not', async () => {
  const { recipe, out } = tinyRun();
  const train = (name: string, options: { maxSteps?: number; resume?: boolean }) =>
    runTraining({ recipe, out: out(name), threads: 2, onNote: () => {}, ...options });
  const whole = await train('whole', {});
  for (let step = 1; step < 20; step++) {
    await train(`stop-${step}`, { maxSteps: step });
    const resumed = await train(`stop-${step}`, { resume: true });
    expect(resumed.state.lossHash, `step ${step}`).toBe(whole.state.lossHash);
  }
}, 300_000);
