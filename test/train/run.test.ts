// Whole runs: one loss hash however they are cut, killed or threaded, and what a run says when something is wrong.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openTrained } from '../../src/node/train/open-checkpoint.ts';
import type { RunOptions } from '../../src/node/train/open-run.ts';
import { runTraining } from '../../src/node/train/run.ts';
import { trainBpe, WordCounts } from '../../src/tokenizer/train.ts';
import { tokenizerJson } from '../../src/tokenizer/write-json.ts';
import { encodeTokens } from '../../src/train/token-shard.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { tinyRun, tinyTokens } from '../support/tiny-run.ts';

/** The twenty losses of the tiny run and their gradient norms. It moves with the order of a sum, and with no machine. */
const LOSS_HASH = 'a1d694cc9eebe1ab';

const { recipe, out } = tinyRun();

async function train(name: string, options: Partial<RunOptions> = {}) {
  const result = await runTraining({ recipe, out: out(name), threads: 1, onNote: () => {}, ...options });
  return { ...result, hash: result.state.lossHash };
}

function log(name: string): Record<string, unknown>[] {
  const text = readFileSync(join(out(name), 'log.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the loss hash of a run', () => {
  it('is one number for 1, 2, 3 and 4 threads', { tags: ['slow'] }, async () => {
    for (const threads of [1, 2, 3, 4]) {
      expect((await train(`threads-${threads}`, { threads })).hash).toBe(LOSS_HASH);
    }
  });

  it('is the same after a stop and a resume (at every step: run.slow.test.ts)', {
    tags: ['slow'],
  }, async () => {
    for (const step of [1, 10, 19]) {
      const first = await train(`stop-${step}`, { maxSteps: step });
      expect(first).toMatchObject({ reason: 'max-steps', isSaved: true });
      expect((await train(`stop-${step}`, { resume: true })).hash).toBe(LOSS_HASH);
    }
  });

  it('is the same when the process is killed in the middle and the run resumed', {
    tags: ['slow'],
  }, async () => {
    const child = startCli(['train', recipe, '--out', out('killed'), '--threads', '2']);
    let printed = '';
    child.stdout.on('data', (chunk) => (printed += chunk));
    while (!/step 8\//.test(printed)) await sleep(5);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect((await train('killed', { resume: true })).hash).toBe(LOSS_HASH);
    expect(log('killed').map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('and the best evaluation are the same where the run is stopped for a look', {
    tags: ['slow'],
  }, async () => {
    const { state } = await train('unstopped');
    await train('stopped', { maxSteps: 3 });
    await train('stopped', { maxSteps: 13, resume: true });
    expect((await train('stopped', { resume: true })).state.best).toEqual(state.best);
    expect((await train('stopped-early', { maxSteps: 3 })).state.best).toBeNull();
  });

  it('moves with the seed', { tags: ['slow'] }, async () => {
    expect((await train('seed', { seed: 4 })).hash).not.toBe(LOSS_HASH);
  });
});

describe('a run', () => {
  it('that is interrupted finishes its step, saves, ends with 130, and prints the hash so far last', {
    tags: ['slow'],
  }, async () => {
    const child = startCli(['train', recipe, '--out', out('interrupted'), '--threads', '1']);
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      if (/step 3\//.test(printed) && !child.killed) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(printed).toMatch(/\nloss hash: [0-9a-f]{16}\n$/);
    if (printed.includes('step 20/')) return; // it was over before the signal came
    expect(code).toBe(130);
    expect((await train('interrupted', { resume: true })).hash).toBe(LOSS_HASH);
  });

  it('writes a line a step with the names that HF and TRL use, and evaluates in time', {
    tags: ['slow'],
  }, async () => {
    await train('log');
    const lines = log('log');
    expect(lines).toHaveLength(20);
    const [first] = lines;
    expect(first).toMatchObject({ step: 1, learning_rate: 0, tokens: 256 });
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(`0x${first.bits}`));
    expect(view.getFloat64(0)).toBe(first.loss);
    expect(lines.filter(({ eval_loss }) => eval_loss).map(({ step }) => step)).toEqual([10, 20]);
    expect(lines[19].eval_loss).toBeLessThan(lines[9].eval_loss as number);
    expect(lines[19].eval_bits_per_byte).toBeCloseTo(
      ((lines[19].eval_loss as number) * 3000) / 9000 / Math.LN2,
      12,
    );
    expect(lines[19].loss).toBeLessThan(3);
  });

  it('refuses a folder that holds another run, and a resume under another past', {
    tags: ['slow'],
  }, async () => {
    await train('past', { maxSteps: 5 });
    await expect(train('past')).rejects.toThrow(/--out: expected a folder without a run/);
    const other = tinyRun((changed) => (changed.model.init_method.std = 0.2));
    const options = { recipe: other.recipe, out: out('past'), resume: true, onNote: () => {} };
    await expect(runTraining(options)).rejects.toThrow(
      /first 5 steps were trained with, got initStd: 0.1 → 0.2/,
    );
  });

  it('that is resumed at its end says that no step is left', { tags: ['slow'] }, async () => {
    await train('over', { maxSteps: 5 });
    const again = ['train', recipe, '--out', out('over'), '--threads', '1', '--resume', '--max-steps', '3'];
    const { code, stderr } = await runCli(again);
    expect(`${code} ${stderr}`).toMatch(/^0 (?:.*\n)*no step was left to take: the run stands at step 5\n$/);
  });

  it('stops before a loss that is no number touches the weights, and goes on where it may', {
    tags: ['slow'],
  }, async () => {
    const wild = tinyRun((changed) => {
      changed.optimizer.learning_rate_scheduler.learning_rate = 1e30;
      changed.optimizer.clip_grad = 1e30;
    });
    const options = { recipe: wild.recipe, threads: 1, onNote: () => {} };
    await expect(runTraining({ ...options, out: wild.out('stop') })).rejects.toThrow(
      /step \d+: expected a loss and a gradient that are numbers, got loss .*a\.ds, token \d+.*--on-nan skip/,
    );
    const notes: string[] = [];
    const result = await runTraining({
      ...options,
      out: wild.out('skip'),
      skipsNan: true,
      onNote: (text) => notes.push(text),
    });
    expect(result.state.step).toBe(20);
    expect(result.state.updates).toBeLessThan(20);
    expect(notes.some((text) => text.endsWith('; skipped'))).toBe(true);
  });

  it('ends when all data have been seen once, where it may not repeat them', { tags: ['slow'] }, async () => {
    const short = tinyRun((changed) => (changed.tokens.train_steps = 300));
    const options = {
      recipe: short.recipe,
      out: short.out('once'),
      threads: 1,
      noRepeat: true,
      onNote: () => {},
    };
    const { reason, state, isSaved } = await runTraining(options);
    expect({ reason, step: state.step, isSaved }).toEqual({ reason: 'exhausted', step: 156, isSaved: true });
  });

  it('goes on where a sample cannot be written, and says so', { tags: ['slow'] }, async () => {
    const tokenizer_name_or_path = fileURLToPath(
      new URL('../golden/tokenizer/tokenizer.json', import.meta.url),
    );
    const talking = tinyRun((changed) => {
      Object.assign(changed, { tokenizer: { tokenizer_name_or_path } });
      Object.assign(changed.evaluation, { interval: 1, prompts: ['Once upon a time'] });
    });
    const notes: string[] = [];
    const options = { recipe: talking.recipe, threads: 1, onNote: (text: string) => void notes.push(text) };
    const { state } = await runTraining({ ...options, out: talking.out('talking'), maxSteps: 2 });
    expect(state.step).toBe(2);
    expect(notes.filter((text) => /^step \d: no samples \(.*\)$/.test(text))).toHaveLength(2);
  });

  it('samples no id that the tokenizer has not, and stops at the end of the window', {
    tags: ['slow'],
  }, async () => {
    const padded = tinyRun((changed) => {
      Object.assign(changed.model.model_config, { vocab_size: 4096, max_position_embeddings: 64 });
      Object.assign(changed, { tokenizer: { tokenizer_name_or_path: 'bytes.json' } });
      Object.assign(changed.evaluation, { interval: 1, prompts: ['x'.repeat(60)], sample_tokens: 48 });
    });
    const bytes = tokenizerJson(trainBpe(new WordCounts(), { vocabSize: 256 }));
    writeFileSync(padded.out('bytes.json'), JSON.stringify(bytes));
    const notes: string[] = [];
    const options = { recipe: padded.recipe, threads: 1, onNote: (text: string) => void notes.push(text) };
    await runTraining({ ...options, out: padded.out('padded'), maxSteps: 1 });
    expect(notes.filter((text) => text.includes('sample'))).toEqual([]);
    const [line] = readFileSync(padded.out('padded/log.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(line).samples[0].length).toBeGreaterThan(60);
    // The recipe names its tokenizer from beside itself; the run has a copy.
    const { checkpoint } = await openTrained(padded.out('padded'));
    expect(checkpoint.tokenizer).toBeDefined();
  });

  it('refuses to go on with other tokens than it began with', { tags: ['slow'] }, async () => {
    const moved = tinyRun();
    const options = { recipe: moved.recipe, out: moved.out('moved'), threads: 1, onNote: () => {} };
    await runTraining({ ...options, maxSteps: 2 });
    writeFileSync(moved.out('train/a.ds'), encodeTokens(tinyTokens(30_000, 9), 2));
    await expect(runTraining({ ...options, resume: true })).rejects.toThrow(
      /--resume: expected the tokens that the first 2 steps were trained on, got others in train/,
    );
  });

  it('goes on with the same tokens when their record has come to them since', {
    tags: ['slow'],
  }, async () => {
    const recorded = tinyRun();
    const options = { recipe: recorded.recipe, out: recorded.out('recorded'), threads: 1, onNote: () => {} };
    await runTraining({ ...options, maxSteps: 2 });
    const bytes = readFileSync(recorded.out('train/a.ds'));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const counts = { tokens: 40_000, documents: 1, text_bytes: 1, vocab_size: 96, eos_id: 2 };
    const header = { version: 1, token_bytes: 2, ...counts, tokenizer: 'x', sha256 };
    writeFileSync(recorded.out('train/a.ds.header.json'), JSON.stringify(header));
    expect((await runTraining({ ...options, resume: true })).state.lossHash).toBe(LOSS_HASH);
  });

  it('reads what is held out in ids of the size that the recipe says', { tags: ['slow'] }, async () => {
    const losses = [];
    for (const size of [2, 4] as const) {
      const sized = tinyRun((changed) => {
        Object.assign(changed.data_stages[0].data.dataset, { token_size_in_bytes: size });
        changed.evaluation.interval = 1;
      });
      writeFileSync(sized.out('train/a.ds'), encodeTokens(tinyTokens(40_000, 1), size));
      writeFileSync(sized.out('held-out/a.ds'), encodeTokens(tinyTokens(3000, 2), size));
      const options = { recipe: sized.recipe, out: sized.out('sized'), threads: 1, onNote: () => {} };
      await runTraining({ ...options, maxSteps: 1 });
      losses.push(JSON.parse(readFileSync(sized.out('sized/log.jsonl'), 'utf8')).eval_loss);
    }
    expect(losses[1]).toBe(losses[0]);
  });

  it('may have a stage of any name', { tags: ['slow'] }, async () => {
    const named = tinyRun((changed) => (changed.data_stages[0].name = 'constructor'));
    const options = { recipe: named.recipe, out: named.out('named'), threads: 1, onNote: () => {} };
    await runTraining({ ...options, maxSteps: 7 });
    expect((await runTraining({ ...options, resume: true })).state.lossHash).toBe(LOSS_HASH);
  });

  it('says which part comes more than once, and ends before it does where nothing may repeat', async () => {
    const mixed = tinyRun((changed) => {
      const dataset = { dataset_folder: ['held-out', 'train'], dataset_weights: [0.9, 0.1] };
      Object.assign(changed.data_stages[0].data, { dataset });
    });
    const notes: string[] = [];
    const options = { recipe: mixed.recipe, threads: 1, onNote: (text: string) => void notes.push(text) };
    const { reason, state } = await runTraining({ ...options, out: mixed.out('mixed'), noRepeat: true });
    expect(reason).toBe('exhausted');
    // Of 45 windows held out nearly every row is one: 9 of 10, four a step.
    expect(state.step).toBeLessThan(13);
    expect(notes).toContainEqual(
      expect.stringMatching(/held-out: its weight asks for \d+ times its windows an epoch/),
    );
  });
});
