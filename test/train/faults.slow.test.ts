// What may go wrong while a model is trained, each made to happen. Elsewhere: kill -9 within a write, a half-written
// checkpoint, and a full disk under it (checkpoint-folder.test.ts); a loss that is no number, exhausted text, another recipe
// (run.test.ts); shards of another vocabulary (../cli/corpus.test.ts); a stop at each step (run.slow.test.ts).

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/config.ts';
import { nodeTrainingPlatform } from '../../src/node/train/platform.ts';
import { runTraining } from '../../src/node/train/run.ts';
import { openTraining } from '../../src/run/training.ts';
import type { TeamWorker } from '../../src/wasm/platform.ts';
import { ended, MAIN, startCli } from '../support/run-cli.ts';
import { canMount, inSmallDisk } from '../support/small-disk.ts';
import { tinyRun } from '../support/tiny-run.ts';

function train(recipe: string, out: string, options: { resume?: boolean } = {}) {
  const notes: string[] = [];
  const run = runTraining({ recipe, out, threads: 1, onNote: (text) => notes.push(text), ...options });
  return run.then((result) => ({ ...result, notes }));
}

const steps = (out: string) =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).step as number);

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe.skipIf(!canMount)('a full disk', () => {
  const onDisk = async (size: string, look: string, numSteps = 20) => {
    const { recipe, out } = tinyRun((changed) => (changed.tokens.train_steps = numSteps));
    mkdirSync(out('disk'));
    const run = `${process.execPath} ${MAIN} train ${recipe} --out ${out('disk')} --threads 1`;
    const script = `${run}; echo code $?; cd ${out('disk')}; ${look}`;
    const result = await ended(spawn('unshare', inSmallDisk(size, out('disk'), script)));
    return { ...result, whole: (await train(recipe, out('whole'))).state.lossHash };
  };

  it('under the checkpoints of a run: it goes on to its last step, says so each time, and ends with 1', async () => {
    const { stdout, stderr, whole } = await onDisk('96k', 'ls checkpoints; wc -l < log.jsonl');
    expect(stdout).toMatch(new RegExp(`step 20/20 .*\\n[^]*loss hash: ${whole}\\ncode 1\\n20\\n$`));
    expect(stderr.match(/CHECKPOINT NOT WRITTEN: /g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('under the log: whole lines stay, the others wait for room, and the run goes on', async () => {
    const { stdout, stderr, whole } = await onDisk('4k', 'tail -n 1 log.jsonl', 40);
    expect(stdout).toContain(`loss hash: ${whole}\ncode 1\n`);
    expect(stderr.match(/LOG NOT WRITTEN: /g)).toHaveLength(1);
    const { step } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
    expect(step).toBeGreaterThan(2);
    expect(step).toBeLessThan(40);
  });

  it('that gets room again has the lines that waited, in their order', async () => {
    const { recipe, out } = tinyRun((changed) => (changed.tokens.train_steps = 120));
    mkdirSync(out('disk'));
    const disk = out('disk');
    const run = `${process.execPath} ${MAIN} train ${recipe} --out ${disk} --threads 1`;
    const room = `while ! grep -q 'LOG NOT WRITTEN' ${out('said')}; do sleep 0.05; done; mount -o remount,size=8m ${disk}`;
    const look = `cut -d, -f1 ${disk}/log.jsonl | tr -dc '0-9\\n'`;
    const script = `touch ${out('said')}; (${room}) & ${run} 2> ${out('said')} >/dev/null; wait; ${look}`;
    const { stdout } = await ended(spawn('unshare', inSmallDisk('4k', disk, script)));
    expect(stdout.trim().split('\n').map(Number)).toEqual(upTo(120));
  });
});

describe('tokens', () => {
  it('of a shard that was cut off end the run before its first step', async () => {
    const { recipe, out } = tinyRun();
    truncateSync(join(dirname(recipe), 'train', 'a.ds'), 79_999);
    await expect(train(recipe, out('run'))).rejects.toThrow(
      /a\.ds: expected 39999 tokens .* was it cut off\?/,
    );
    expect(readdirSync(dirname(recipe))).not.toContain('run');
  });

  it('that the vocabulary has not end it where they are read; what was trained before stays', async () => {
    const { recipe, out } = tinyRun();
    const path = join(dirname(recipe), 'train', 'a.ds');
    const bytes = readFileSync(path);
    const { state } = await train(recipe, out('whole'));
    // Every second window from the first on: a run of twenty steps meets one soon, but not in the first step.
    const bad = Buffer.from(bytes);
    for (let token = 600; token < 40_000; token += 1800) bad.writeUInt16LE(200, 2 * token);
    writeFileSync(path, bad);
    await expect(train(recipe, out('run'))).rejects.toThrow(
      /a\.ds: expected ids below 96, got 200; was another tokenizer used\? \(byte \d+\)/,
    );
    writeFileSync(path, bytes);
    expect((await train(recipe, out('run'), { resume: true })).state.lossHash).toBe(state.lossHash);
  });
});

it('a loss that leaps is in the log, and nothing else happens', async () => {
  const { recipe, out } = tinyRun((changed) => {
    changed.optimizer.learning_rate_scheduler.learning_rate = 2;
  });
  const { reason, notes } = await train(recipe, out('run'));
  const losses = readFileSync(join(out('run'), 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).loss as number);
  expect(Math.max(...losses)).toBeGreaterThan(2 * losses[0]);
  expect([reason, notes.filter((text) => !/no record beside it|dtype/.test(text))]).toEqual(['finished', []]);
  expect(steps(out('run'))).toEqual(upTo(20));
});

const CONFIG: ModelConfig = {
  vocabSize: 512,
  hiddenSize: 64,
  intermediateSize: 128,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 1,
  headDim: 32,
  maxSeqLen: 256,
  rmsNormEps: 1e-5,
  ropeTheta: 1e4,
  qkvBias: false,
  tiedEmbeddings: true,
  eosIds: [0],
};

describe('a team of workers', () => {
  it('that loses one fails the step under way and every later one', async () => {
    const workers: TeamWorker[] = [];
    const { spawn: start } = nodeTrainingPlatform;
    const spawned = (listener: Parameters<NonNullable<typeof start>>[0]) => {
      const worker = start!(listener);
      workers.push(worker);
      return worker;
    };
    const shape = { threads: 2, maxRows: 4096, maxSeqLen: 256 };
    const machine = await openTraining(CONFIG, shape, { ...nodeTrainingPlatform, spawn: spawned });
    const ids = new Array<number>(4096).fill(7);
    const batch = { ids, labels: ids, sequenceLengths: new Array<number>(16).fill(256) };
    const weights = ids.map(() => 1 / ids.length);
    const step = machine.gradients(batch, weights);
    workers[1].terminate();
    await expect(step).rejects.toThrow(/training: a worker stopped \(.*\); the last checkpoint is whole/);
    await expect(machine.losses(batch)).rejects.toThrow(/expected a team at work/);
  });

  it('is not begun where a step takes more memory than there can be', async () => {
    const shape = { threads: 1, maxRows: 2 ** 22, maxSeqLen: 256 };
    await expect(openTraining(CONFIG, shape, nodeTrainingPlatform)).rejects.toThrow(
      /training: expected at most .* MB that this machine grants, got a plan of .* MB/,
    );
  });
});

it('a second Ctrl-C ends the program at once', async () => {
  const { recipe, out } = tinyRun((changed) => {
    changed.tokens.micro_batch_size = 256; // steps that take a while
  });
  const child = startCli(['train', recipe, '--out', out('run'), '--threads', '1']);
  const over = ended(child);
  child.stdout.once('data', () => child.kill('SIGINT'));
  child.stderr.on('data', (text) => {
    if (String(text).includes('Ctrl-C again')) child.kill('SIGINT');
  });
  const { code, stdout } = await over;
  expect(code).toBe(130);
  expect(stdout).not.toContain('loss hash');
});
