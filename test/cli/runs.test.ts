// Runs in a table and as a page, out of two runs that were really trained.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runTraining } from '../../src/node/train/run.ts';
import { runReport } from '../../src/train/run-report.ts';
import { runCli } from '../support/run-cli.ts';
import { tinyRun } from '../support/tiny-run.ts';

const { recipe, out } = tinyRun();
const hashes: string[] = [];
const text = (path: string) => readFileSync(path, 'utf8');

beforeAll(async () => {
  for (const [name, seed] of [
    ['runs/one', 3],
    ['runs/other', 4],
  ] as const) {
    const { state } = await runTraining({ recipe, out: out(name), seed, threads: 1, onNote: () => {} });
    hashes.push(state.lossHash);
  }
});

describe('smollm2 runs', () => {
  it('lists every run below a folder with its last loss, its best held-out loss and its hash', async () => {
    const { code, stdout } = await runCli(['runs', out('runs')]);
    expect(code).toBe(0);
    const [head, one, other] = stdout.trim().split('\n');
    expect(head).toMatch(/^run +steps +loss +best held out +bits\/byte +loss hash +changed$/);
    expect(one).toMatch(new RegExp(`runs/one +20/20 +[0-9.]+ +[0-9.]+ +[0-9.]+ +${hashes[0]} `));
    expect(other).toContain(hashes[1]);
  });

  it('gives the numbers of the log as JSON', async () => {
    const { stdout } = await runCli(['runs', out('runs/one'), '--json']);
    const lines = text(join(out('runs/one'), 'log.jsonl'))
      .trim()
      .split('\n');
    const last = JSON.parse(lines[19]);
    expect(JSON.parse(stdout)).toMatchObject({ step: 20, loss: last.loss, lossHash: hashes[0] });
    expect(JSON.parse(stdout).best).toBe(last.eval_loss);
  });

  it('lays the curves of several runs on each other in a page', async () => {
    const file = out('compare.html');
    expect((await runCli(['runs', out('runs/one'), out('runs/other'), '--html', file])).code).toBe(0);
    const page = text(file);
    const training = page.slice(page.indexOf('Training loss'), page.indexOf('Held-out loss'));
    expect(training.match(/<polyline/g)).toHaveLength(2);
    for (const hash of hashes) expect(page).toContain(hash);
    expect(page).not.toMatch(/<script|http-equiv/);
  });

  it('says where it found none', async () => {
    const { code, stderr } = await runCli(['runs', out('train')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected runs \(folders with a log\.jsonl\), got none/);
  });

  it('lists a run whose last checkpoint is damaged by the one before', async () => {
    cpSync(out('runs/other'), out('damaged'), { recursive: true });
    writeFileSync(join(out('damaged'), 'checkpoints/step-00000020/state.json'), '{');
    const { stdout } = await runCli(['runs', out('damaged'), '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ step: 20, totalSteps: 20 });
    expect(JSON.parse(stdout).lossHash).not.toBe(hashes[1]);
  });
});

describe('the page of a run', () => {
  it('takes nothing from a record of a checkpoint but a number and a hash', async () => {
    cpSync(out('runs/other'), out('hostile'), { recursive: true });
    const file = join(out('hostile'), 'checkpoints/step-00000020/state.json');
    const record = JSON.parse(text(file));
    record.state.recipe.trainSteps = '<img src=x onerror=alert(1)>';
    writeFileSync(file, JSON.stringify(record));
    expect((await runCli(['runs', out('hostile'), '--html', out('hostile.html')])).code).toBe(0);
    expect(text(out('hostile.html'))).not.toContain('<img');
    record.state.lossHash = 7;
    writeFileSync(file, JSON.stringify(record));
    expect((await runCli(['runs', out('hostile'), '--html', out('hostile.html')])).code).toBe(0);
  });

  it('is written beside the log, and does not load itself again when the run is over', () => {
    const page = text(join(out('runs/one'), 'report.html'));
    expect(page).toContain('20 of 20');
    expect(page).toContain(hashes[0]);
    expect(page).not.toContain('http-equiv');
  });

  it('loads itself again while the run goes on, thins long curves, and shows what a model says as text', () => {
    const lines = Array.from({ length: 5000 }, (_, i) => ({
      step: i + 1,
      loss: 5 - i / 1000,
      learning_rate: 1e-3,
      grad_norm: i === 7 ? null : 1,
      tokens: i,
      bits: '',
      epoch: 0,
      ...(i === 4999 && { samples: ['<script>alert("x")</script>'] }),
    }));
    const page = runReport([{ name: 'a & b', lines }], 5);
    expect(page).toContain('<meta http-equiv="refresh" content="5">');
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(page).not.toContain('<script');
    const [, points] = /<polyline points="([^"]*)"/.exec(page) ?? [];
    expect(points.split(' ').length).toBeLessThanOrEqual(400);
    expect(points.split(' ').length).toBeGreaterThan(300);
  });
});
