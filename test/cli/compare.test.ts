// The commands that compare: diff, perplexity, generate --certify and --record, replay.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/diff/causes/all.ts';
import { writeSafetensors } from '../../src/format/safetensors.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';
import { goldenJson, goldenPath } from '../support/goldens.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'smollm2-compare-'));
const gqa = goldenPath('tiny/gqa');
const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];
let model: string;

/** A trace of the faulty engine as a file. */
async function traceFile(name: string, faults: Faults): Promise<string> {
  const checkpoint = await tinyCheckpoint('gqa');
  const { tensors } = await traceModel(await faultyModel(checkpoint, faults), ids);
  await checkpoint.close();
  const path = join(folder, `${name}.safetensors`);
  const list = [...tensors].map(([tensor, { shape, values }]) => ({
    name: tensor,
    shape,
    values: tensor === 'input_ids' ? BigInt64Array.from(values, BigInt) : values,
  }));
  writeFileSync(path, writeSafetensors(list));
  return path;
}

beforeAll(() => {
  model = makeTinyFolder();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(model, { recursive: true });
});

describe('smollm2 diff', () => {
  it('names a planted fault in JSON and ends with exit code 1; with --html it draws a page', {
    tags: ['slow'],
  }, async () => {
    const reference = await traceFile('reference', {});
    const faulty = await traceFile('theta', { ropeTheta: 50_000 });
    const page = join(folder, 'page.html');
    const { code, stdout } = await runCli([
      'diff',
      reference,
      faulty,
      '--model',
      gqa,
      '--json',
      '--html',
      page,
    ]);
    expect(code).toBe(1);
    const report = JSON.parse(stdout);
    expect([report.first, report.cause]).toEqual(['model.layers.0.self_attn.q_rope', 'rope-theta']);
    expect(report.candidates[0]).toMatchObject({ cause: 'rope-theta', fit: 1 });
    expect(Object.keys(report).slice(0, 4)).toEqual(['first', 'cause', 'candidates', 'points']);
    for (const { cause, fit } of report.candidates)
      expect([typeof cause, typeof fit]).toEqual(['string', 'number']);
    expect(report.points).toHaveLength(35);
    for (const point of report.points) {
      const kinds = [point.name, point.maxAbs, point.bound, point.explained].map((value) => typeof value);
      expect(kinds).toEqual(['string', 'number', 'number', 'boolean']);
    }
    const point = report.points.find(({ name }: { name: string }) => name === report.first);
    expect(point.explained).toBe(false);
    expect(point.maxAbs).toBeGreaterThan(point.bound);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('theta 50000, expected 10000');
    expect(html.match(/<td/g)?.length).toBeGreaterThan(30);
  });

  it('prints null for what there is not, and the largest number for NaN', { tags: ['slow'] }, async () => {
    const reference = await traceFile('reference', {});
    const clean = await traceFile('clean', { format: 'f32' });
    const explained = await runCli(['diff', reference, clean, '--model', gqa, '--json']);
    expect(explained.code).toBe(0);
    expect(JSON.parse(explained.stdout)).toMatchObject({ first: null, cause: null, candidates: [] });
    const broken = await traceFile('nan', { activation: () => Number.NaN });
    const { code, stdout } = await runCli(['diff', reference, broken, '--model', gqa, '--json']);
    const report = JSON.parse(stdout);
    expect([code, report.first]).toEqual([1, 'model.layers.0.mlp.act']);
    const point = report.points.find(({ name }: { name: string }) => name === report.first);
    expect(point).toMatchObject({ maxAbs: Number.MAX_VALUE, explained: false });
  });

  it('explains a clean float32 trace, with and without the model, with exit code 0', {
    tags: ['slow'],
  }, async () => {
    const reference = await traceFile('reference', {});
    const clean = await traceFile('clean', { format: 'f32' });
    for (const options of [['--model', gqa], []]) {
      const { code, stdout } = await runCli(['diff', reference, clean, ...options]);
      expect([code, stdout.split('\n').at(-2)]).toEqual([
        0,
        'All 35 points are explained by f32 arithmetic: the two programs compute the same thing.',
      ]);
    }
  });

  it('stops its list at the first point that is not explained', { tags: ['slow'] }, async () => {
    const reference = await traceFile('reference', {});
    const faulty = await traceFile('gelu', { activation: (z) => Math.max(0, z) });
    const { code, stdout } = await runCli(['diff', reference, faulty, '--model', gqa]);
    expect(code).toBe(1);
    const listed = stdout.split('\n').filter((line) => line.startsWith('model.'));
    expect(listed.at(-1)).toMatch(/^model\.layers\.0\.mlp\.act .*NOT EXPLAINED$/);
    expect(stdout).toContain('[wrong-activation]');
  });

  it('lists its causes, and asks for two traces', async () => {
    const { code, stdout } = await runCli(['diff', '--causes']);
    expect(code).toBe(0);
    const ids = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(ids).toEqual(['input-ids', ...CAUSES.map(({ id }) => id)]);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    const one = await runCli(['diff', 'x.safetensors']);
    expect([one.code, one.stderr]).toEqual([
      1,
      'smollm2: diff: expected two traces, reference and candidate, got 1\n',
    ]);
  });
});

describe('smollm2 perplexity', () => {
  it('writes a file of log-probabilities, and a second run compares with it', {
    tags: ['slow'],
  }, async () => {
    const text = join(folder, 'text.txt');
    writeFileSync(text, 'abc cab bca '.repeat(12));
    const base = join(folder, 'base.kld');
    const flags = ['perplexity', text, '--model', model, '--engine', 'reference', '--ctx', '16', '--json'];
    const first = await runCli([...flags, '--kl-base', base]);
    expect(first.code).toBe(0);
    const { perplexity, plusMinus, numWindows, numScored } = JSON.parse(first.stdout);
    expect(perplexity).toBeGreaterThan(1);
    expect(plusMinus).toBeGreaterThan(0);
    expect(numScored).toBe(7 * numWindows);
    const second = JSON.parse((await runCli([...flags, '--kl-base', base])).stdout);
    expect(second.perplexity).toBe(perplexity);
    expect(Math.abs(second.kl.meanKl)).toBeLessThan(1e-4);
    expect(second.kl.sameTop).toBe(1);
  });
});

describe('smollm2 generate --certify and --record, smollm2 replay', () => {
  it('a recorded run is repeated bit for bit with other threads, and another precision is found out', {
    tags: ['slow'],
  }, async () => {
    const path = join(folder, 'run.json');
    const flags = ['--raw', 'abc cab', '--model', model, '--max-tokens', '6', '--ignore-eos'];
    const generated = await runCli([
      'generate',
      ...flags,
      '--threads',
      '1',
      '--certify',
      '--record',
      path,
      '--json',
    ]);
    expect(generated.code).toBe(0);
    const { systemFingerprint, certainty, ids: answer } = JSON.parse(generated.stdout);
    expect(systemFingerprint).toMatch(/^fp_[0-9a-f]{32}$/);
    expect(certainty).toHaveLength(6);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      fingerprint: systemFingerprint,
      ids: answer,
    });
    const again = await runCli(['replay', path, '--threads', '2', '--json']);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ equal: true, fingerprint: systemFingerprint });
    const other = await runCli(['replay', path, '--engine', 'reference', '--json']);
    expect(other.code).toBe(1);
    const report = JSON.parse(other.stdout);
    expect(report.fingerprint).not.toBe(systemFingerprint);
    expect(report.firstDeviation).toMatchObject({ row: 0 });
  });

  it('does not fetch what a record names', { tags: ['slow'] }, async () => {
    const path = join(folder, 'record-of-a-url.json');
    await runCli(['generate', '--raw', 'abc', '-m', model, '-n', '1', '--record', path]);
    const record = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...record, model: 'http://127.0.0.1:1/model.gguf' }));
    const { code, stderr } = await runCli(['replay', path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected --model, the recording names an address/);
  });

  it('names the file that is no record', async () => {
    const path = join(folder, 'cut.json');
    writeFileSync(path, '{"format":"smollm2-run-1","fi');
    const { code, stderr } = await runCli(['replay', path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^smollm2: .*cut\.json: expected JSON written by generate --record, got: [^\n]+\n$/,
    );
  });

  it('certifies greedy answers only', async () => {
    const { code, stderr } = await runCli([
      'generate',
      'x',
      '--model',
      model,
      '--certify',
      '--temperature',
      '1',
    ]);
    expect([code, stderr]).toEqual([
      2,
      'smollm2: --certify: expected greedy answers (temperature 0, no penalties), got sampling options\n',
    ]);
  });
});
