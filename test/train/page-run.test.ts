// The worker's side of a run in a page, without a page: what it posts, and that it hears what is asked between steps.
// In real browsers: test/runtimes/training.test.mjs.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PageRun } from '../../src/browser/page-run.ts';
import type { RunCall, RunReport, RunSetup } from '../../src/browser/training-messages.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { bytesSource } from '../../src/format/source.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { nodeTrainingPlatform } from '../../src/node/train/platform.ts';
import { runTraining } from '../../src/node/train/run.ts';
import type { Slope } from '../../src/run/slope.ts';
import { TINY_RECIPE, tinyRun, tinyTokens } from '../support/tiny-run.ts';

const SETUP: RunSetup = {
  recipe: TINY_RECIPE,
  tokens: { train: tinyTokens(40_000, 1), 'held-out': tinyTokens(3000, 2) },
  threads: 1,
};

/** A run that reports to `said`; `until` waits for a report of a kind. */
function startRun(setup: RunSetup = SETUP) {
  const said: RunReport[] = [];
  let heard = () => {};
  const run = new PageRun(
    (report) => {
      said.push(structuredClone(report));
      heard();
    },
    {
      training: { ...nodeTrainingPlatform, spawn: undefined },
      inference: { ...nodePlatform, spawn: undefined },
      openModel: async () => readGguf(bytesSource('nano', readFileSync('models/nano.gguf'))),
    },
  );
  const until = async <Kind extends RunReport['kind']>(kind: Kind, count = 1) => {
    const found = () => said.filter((report) => report.kind === kind) as Extract<RunReport, { kind: Kind }>[];
    while (found().length < count && !said.some((report) => report.kind === 'failed')) {
      await new Promise<void>((resolve) => (heard = resolve));
    }
    return found();
  };
  const say = (call: RunCall) => run.hear(call);
  say({ kind: 'start', setup });
  return { said, until, say };
}

describe('a run in a page', () => {
  it('has the loss hash of the command line', { tags: ['slow'] }, async () => {
    const { until } = startRun();
    const [{ end }] = await until('ended');
    const { recipe, out } = tinyRun();
    const { state } = await runTraining({ recipe, out: out('node'), threads: 1, onNote: () => {} });
    expect(end).toEqual({ reason: 'finished', step: 20, lossHash: state.lossHash });
    expect(await until('step')).toHaveLength(20);
  });

  it('is paused, asked and stopped between two steps, and goes on elsewhere from its checkpoint', {
    tags: ['slow'],
  }, async () => {
    const { until, say, said } = startRun();
    await until('step', 3);
    say({ kind: 'pause' });
    say({ kind: 'ask', id: 1, question: { name: 'checkpoint' } });
    const [{ value }] = await until('answer');
    const { step } = (value as { state: { step: number } }).state;
    expect(said.filter(({ kind }) => kind === 'step')).toHaveLength(step);
    say({ kind: 'ask', id: 2, question: { name: 'read', kind: 'values', parameter: 'no.such' } });
    expect((await until('refusal'))[0].error.message).toMatch(/no.such/);
    say({ kind: 'stop' });
    expect((await until('ended'))[0].end).toMatchObject({ reason: 'interrupted', step });

    const again = startRun({ ...SETUP, resume: value as RunSetup['resume'] });
    const whole = startRun();
    expect((await again.until('ended'))[0].end.lossHash).toBe((await whole.until('ended'))[0].end.lossHash);
    expect((await again.until('started'))[0].facts).toMatchObject({ step, totalSteps: 20 });
  });

  it('finds the slope of the loss for one number by backward and by differences, within 1e-6', {
    tags: ['slow'],
  }, async () => {
    const { until, say } = startRun({ ...SETUP, isPaused: true });
    const [{ facts }] = await until('started');
    const names = facts.parameters.map(({ name }) => name);
    for (const [id, parameter] of names.entries()) {
      say({ kind: 'ask', id, question: { name: 'slope', parameter, index: 5 } });
    }
    const answers = (await until('answer', names.length)).map(({ value }) => value as Slope);
    for (const [at, { backward, difference, loss }] of answers.entries()) {
      expect(Math.abs(difference - backward), names[at]).toBeLessThan(1e-6 * Math.abs(backward) + 1e-11);
      expect(loss).toBeCloseTo(answers[0].loss, 12);
    }
    expect(answers.some(({ backward }) => Math.abs(backward) > 1e-3)).toBe(true);
    say({ kind: 'ask', id: 100, question: { name: 'slope', parameter: names[0], index: 1e9 } });
    say({ kind: 'ask', id: 101, question: { name: 'slope', parameter: 'no.such', index: 0 } });
    const refused = (await until('refusal', 2)).map(({ error }) => error.message);
    expect(refused).toEqual([expect.stringMatching(/index: expected/), expect.stringMatching(/no\.such/)]);
    say({ kind: 'stop' });
    await until('ended');
  });

  it('waits before its first step where it is told to, and answers meanwhile', {
    tags: ['slow'],
  }, async () => {
    const { until, say, said } = startRun({ ...SETUP, isPaused: true });
    await until('started');
    say({ kind: 'ask', id: 1, question: { name: 'read', kind: 'values', parameter: 'model.norm.weight' } });
    expect((await until('answer'))[0].value).toEqual(new Float32Array(32).fill(1));
    expect(said.filter(({ kind }) => kind === 'step')).toEqual([]);
    say({ kind: 'go' });
    await until('ended');
  });

  it('refuses samples where it has no tokenizer, and goes on', { tags: ['slow'] }, async () => {
    const { until, say } = startRun();
    say({ kind: 'ask', id: 1, question: { name: 'sample', prompts: ['a'], options: { maxTokens: 1 } } });
    expect((await until('refusal'))[0].error.message).toMatch(/tokenizer: expected one at the start/);
    expect((await until('ended'))[0].end.reason).toBe('finished');
  });

  it.each<[string, Partial<RunSetup>, RegExp]>([
    ['tokens that are not there', { tokens: {} }, /tokens: expected those of train/],
    ['ids that the vocabulary has not', { tokens: { train: [1, 96] } }, /ids below 96, got 96 at place 1/],
    [
      'a resume under another past',
      { recipe: { ...TINY_RECIPE, general: { run: 'x', seed: 9 } } },
      /seed: 3 → 9/,
    ],
  ])('refuses %s', async (_, change, message) => {
    const first = startRun({ ...SETUP, maxSteps: 2 });
    await first.until('ended');
    first.say({ kind: 'ask', id: 0, question: { name: 'checkpoint' } });
    const [{ value }] = await first.until('answer');
    const { until } = startRun({ ...SETUP, resume: value as RunSetup['resume'], ...change });
    expect((await until('failed'))[0].error.message).toMatch(message);
  });
});
