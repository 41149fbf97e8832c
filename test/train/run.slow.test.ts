// A stop and a resume at each step of the tiny run; every one writes and reads checkpoints, which takes a disk's time.

import { expect, it } from 'vitest';
import { runTraining } from '../../src/node/train/run.ts';
import { startCli } from '../support/run-cli.ts';
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
});

it.each(['SIGINT', 'SIGKILL'] as const)(
  'a run that gets %s in any of its 20 steps and is resumed has that hash too',
  async (signal) => {
    const { recipe, out } = tinyRun();
    const train = (name: string, resume = false) =>
      runTraining({ recipe, out: out(name), threads: 1, onNote: () => {}, resume });
    const whole = await train('whole');
    let numStopped = 0;
    for (let step = 1; step < 20; step++) {
      const name = `stop-${step}`;
      const child = startCli(['train', recipe, '--out', out(name), '--threads', '1']);
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
        if (printed.includes(`step ${step}/20`) && !child.killed) child.kill(signal);
      });
      await new Promise((resolve) => child.once('close', resolve));
      if (child.killed) numStopped++;
      expect((await train(name, true)).state.lossHash, `step ${step}`).toBe(whole.state.lossHash);
    }
    expect(numStopped).toBeGreaterThan(15); // the others were over before the signal came
  },
  300_000,
);
