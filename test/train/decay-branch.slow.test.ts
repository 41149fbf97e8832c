import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runTraining } from '../../src/node/train/run.ts';
import { tinyRun } from '../support/tiny-run.ts';

/** The tiny run with a warm-up of 2 steps, stable up to step 16, and a checkpoint every 4. */
const { recipe, out } = tinyRun((changed) => {
  const { learning_rate_scheduler: scheduler } = changed.optimizer;
  Object.assign(scheduler, {
    lr_decay_style: 'linear',
    lr_warmup_steps: 2,
    lr_decay_starting_step: 16,
    lr_decay_steps: 4,
    min_decay_lr: 0,
  });
  Object.assign(changed, { checkpoints: { checkpoint_interval: 4 } });
});
const notes: string[] = [];
const options = { recipe, threads: 1, onNote: (text: string) => void notes.push(text) };

function rates(run: string): [step: number, rate: number][] {
  const text = readFileSync(join(run, 'log.jsonl'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return lines.map(({ step, learning_rate }) => [step, learning_rate]);
}

describe('a decay branch', () => {
  it('goes on from the checkpoint of its step with the decay at once, and leaves the run alone', async () => {
    const run = out('stable');
    await runTraining({ ...options, out: run, maxSteps: 12 });
    const before = readFileSync(join(run, 'log.jsonl'));
    const full = rates(run)[11][1];
    const { state } = await runTraining({ ...options, out: run, decayFrom: 8 });
    expect(state.step).toBe(12);
    expect(rates(join(run, 'decay-8-4'))).toEqual(
      [9, 10, 11, 12].map((step, i) => [step, full * (1 - i / 4)]),
    );
    expect(notes).toContain('recipe changed: schedule.decayStart: 16 → 8');
    expect(readFileSync(join(run, 'log.jsonl'))).toEqual(before);
    // The stable run goes on as if nothing had been cut from it.
    expect((await runTraining({ ...options, out: run, resume: true })).state.step).toBe(20);
  });

  it('of another length is one of its own, and an interrupted one is gone on with', async () => {
    const run = out('interrupted');
    await runTraining({ ...options, out: run, maxSteps: 8 });
    const branch = { ...options, out: run, decayFrom: 4, decaySteps: 6 };
    await runTraining({ ...branch, maxSteps: 7 });
    const { state } = await runTraining(branch);
    const whole = out('whole');
    await runTraining({ ...options, out: whole, maxSteps: 8 });
    expect(state.step).toBe(10);
    expect(state.lossHash).toBe((await runTraining({ ...branch, out: whole })).state.lossHash);
  });

  it('of two lengths is two branches, each from the step it was cut at', async () => {
    const run = out('lengths');
    await runTraining({ ...options, out: run, maxSteps: 8 });
    for (const decaySteps of [2, 4]) {
      await runTraining({ ...options, out: run, decayFrom: 8, decaySteps });
      const taken = rates(join(run, `decay-8-${decaySteps}`));
      expect(taken).toHaveLength(decaySteps);
      expect(taken[1][1] / taken[0][1]).toBeCloseTo(1 - 1 / decaySteps, 12);
    }
  });

  it('is refused where the recipe does not say how far or how long, and leaves nothing behind', async () => {
    const run = out('endless');
    await runTraining({ ...options, out: run, maxSteps: 8 });
    const recipe = JSON.parse(readFileSync(options.recipe, 'utf8'));
    const cut = (changes: object) => {
      const changed = join(run, 'changed.yaml');
      Object.assign(recipe.optimizer.learning_rate_scheduler, changes);
      writeFileSync(changed, JSON.stringify(recipe));
      return runTraining({ ...options, recipe: changed, out: run, decayFrom: 8 });
    };
    await expect(cut({ min_decay_lr: null })).rejects.toThrow(
      /min_decay_lr: expected less than the learning rate/,
    );
    await expect(cut({ min_decay_lr: 0, lr_decay_steps: 0 })).rejects.toThrow(
      /--decay-steps: expected steps/,
    );
    expect(readdirSync(run).filter((name) => name.startsWith('decay-'))).toEqual([]);
  });

  it('is refused outside of the stable phase, and without a checkpoint', async () => {
    const run = out('refused');
    await runTraining({ ...options, out: run, maxSteps: 4 });
    await expect(runTraining({ ...options, out: run, decayFrom: 1 })).rejects.toThrow(
      '--decay-from: expected a step of the stable phase, 2 to 16, got 1',
    );
    await expect(runTraining({ ...options, out: run, decayFrom: 3 })).rejects.toThrow(
      'expected a checkpoint of step 3, got 4',
    );
    await runTraining({ ...options, out: run, resume: true });
    await expect(runTraining({ ...options, out: run, decayFrom: 20 })).rejects.toThrow(
      '--decay-from: expected a step of the stable phase, 2 to 16, got 20',
    );
  });
});
