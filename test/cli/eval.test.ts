import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSamples } from '../../src/eval/sample.ts';
import { ended, runCli, startCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const NUM_ROWS = 60;
/** A test starts up to four processes, which a busy machine holds up. */
let model: string;
let folder: string;
beforeAll(() => {
  model = makeTinyFolder();
  folder = mkdtempSync(join(tmpdir(), 'smollm2-eval-'));
  const rows = Array.from({ length: NUM_ROWS }, (_, n) =>
    JSON.stringify({ goal: `do ${n}`, sol1: `by ${n * 7}`, sol2: `with ${n * 3}`, label: n % 2 }),
  );
  writeFileSync(join(folder, 'piqa.validation.jsonl'), rows.join('\n'));
  writeFileSync(join(folder, 'winogrande_xl.validation.jsonl'), '{"sentence":"a _ b"\n');
});
afterAll(() => {
  rmSync(model, { recursive: true });
  rmSync(folder, { recursive: true });
});

const base = () => ['eval', '--model', model, '--engine', 'reference', '--data', folder];
const linesOf = (path: string) => parseSamples(path, readFileSync(path, 'utf8')).samples;

/** Starts the run and sends a signal as soon as `least` samples are in the file. */
async function stopped(args: readonly string[], path: string, least: number, signal: NodeJS.Signals) {
  const child = startCli(args);
  const end = ended(child);
  for (let wait = 0; wait < 2000; wait++) {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0 && linesOf(path).length >= least) break;
    await sleep(2);
  }
  child.kill(signal);
  return end;
}

describe('smollm2 eval', () => {
  it.each([
    ['SIGKILL', 1, 'wasm'],
    ['SIGINT', 31, 'reference'],
  ] as const)(
    'stopped by %s after %i of 60 questions and started again (%s), gives an identical file',
    { tags: ['slow'] },
    async (signal, least, engine) => {
      const whole = join(folder, `whole-${least}.jsonl`);
      const resumed = join(folder, `resumed-${least}.jsonl`);
      const args = [...base(), '--engine', engine, '--tasks', 'piqa', '--out'];
      expect((await runCli([...args, whole])).code).toBe(0);
      const end = await stopped([...args, resumed], resumed, least, signal);
      expect(end.code).toBe(signal === 'SIGINT' ? 130 : null);
      if (signal === 'SIGINT')
        expect(end.stderr).toContain(`stopped; the same command goes on with ${resumed}`);
      expect(linesOf(resumed).length).toBeGreaterThanOrEqual(least);
      const { code, stdout } = await runCli([...args, resumed]);
      expect(code).toBe(0);
      expect(stdout).toContain('| piqa | 60 | 0 | acc_norm |');
      expect(readFileSync(resumed, 'utf8')).toBe(readFileSync(whole, 'utf8'));
    },
  );

  it('writes lines with task, row, loglikelihood, chosen and gold; rows as asked', async () => {
    const out = join(folder, 'rows.jsonl');
    await runCli([...base(), '--tasks', 'piqa', '--rows', '3-4', '--out', out]);
    const samples = linesOf(out);
    expect(samples.map(({ row, gold }) => [row, gold])).toEqual([
      [3, 1],
      [4, 0],
    ]);
    for (const { task, loglikelihood, chosen } of samples) {
      expect(task).toBe('piqa');
      expect(loglikelihood).toHaveLength(2);
      expect(Math.max(...loglikelihood!)).toBeLessThan(0);
      expect([0, 1]).toContain(chosen);
    }
  });

  it('writes reports, prints JSON, and compares two result files', { tags: ['slow'] }, async () => {
    const [first, second] = [join(folder, 'one.jsonl'), join(folder, 'two.jsonl')];
    const page = join(folder, 'report.html');
    const args = [...base(), '--tasks', 'piqa', '--limit', '5', '--json'];
    const { stdout } = await runCli([...args, '--out', first, '--report', page]);
    expect(JSON.parse(stdout).tasks[0]).toMatchObject({ task: 'piqa', samples: 5, shots: 0 });
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>.*<td>piqa<\/td>/s);
    await runCli([...args, '--engine', 'wasm', '--out', second]);
    const compared = JSON.parse((await runCli(['eval', 'compare', first, second, '--json'])).stdout);
    expect(compared).toMatchObject([{ task: 'piqa', common: 5, sameChoice: 5 }]);
    expect(compared[0].maxDelta).toBeLessThan(0.05);
    expect((await runCli(['eval', 'compare', first, second])).stdout).toContain('same choice 5 (100.00 %)');
  });

  it.each([
    [['--tasks', 'piqua'], /^smollm2: --tasks: expected names from piqa, .*; got piqua$/],
    [[], /^smollm2: --tasks: expected names of benchmarks, got none; try --tasks piqa$/],
    [['--tasks', 'gsm8k'], /^smollm2: gsm8k\.test\.jsonl: expected in .*, not found; check --data$/],
    [
      ['--tasks', 'winogrande'],
      /^smollm2: winogrande_xl\.validation\.jsonl, line 1: expected JSON: .* \(byte 0\)$/,
    ],
    [['--tasks', 'piqa', '--rows', '9'], /^smollm2: --rows: expected first-last such as 0-199, got "9"$/],
    [
      ['--tasks', 'piqa', '--shots', '1'],
      /^smollm2: piqa\.train\.jsonl: expected in .*, not found; check --data$/,
    ],
    [
      ['--tasks', 'piqa', '--rows', '0-3', '--limit', '2'],
      /^smollm2: --limit: expected without --rows, got both$/,
    ],
    [
      ['--tasks', 'piqa', '--report', 'x.txt'],
      /^smollm2: --report: expected a file name with \.json, \.md or \.html, got x\.txt$/,
    ],
    [['--tasks', 'piqa', '--style', 'helm'], /^smollm2: --style: expected lighteval or lm-eval, got "helm"$/],
    [
      ['--tasks', 'humaneval'],
      /^smollm2: --python: expected an interpreter that may run the answers of humaneval, got none; .*$/,
    ],
    [['--tasks', 'ifeval'], /^smollm2: ifeval: expected a chat template, got none; run it with chat$/],
    [
      ['--url', 'http://127.0.0.1:9/v1', '--tasks', 'piqa'],
      /^smollm2: http:\/\/127\.0\.0\.1:9\/v1: .* is it running\?$/,
    ],
  ])('with %j ends in one clear error', async (args, message) => {
    const { code, stdout, stderr } = await runCli([...base(), ...args]);
    expect({ code, stdout }).toEqual({ code: stderr.includes('smollm2: --') ? 2 : 1, stdout: '' });
    expect(stderr.trim()).toMatch(message);
  });

  it('without a network says which data set was wanted, and how to do without', async () => {
    const env = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HUB_CACHE: join(folder, 'hub') };
    const args = ['eval', '--model', model, '--engine', 'reference', '--tasks', 'piqa'];
    const { code, stderr } = await runCli(args, '', env);
    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(
      /^smollm2: ybisk\/piqa plain_text\/validation on http:\/\/127\.0\.0\.1:9: .*; use --data with local files$/,
    );
  });
});
