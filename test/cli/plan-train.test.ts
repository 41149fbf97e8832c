import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const nano = fileURLToPath(new URL('../../recipes/nano.yaml', import.meta.url));

/** The line's megabytes. */
function megabytes(stdout: string, line: string): number {
  return Number(new RegExp(`^${line}.* ([\\d.]+) MB`, 'm').exec(stdout)?.[1]);
}

describe('smollm2 plan --train', () => {
  it('adds up the memory, more with more threads', async () => {
    const sums = [];
    for (const threads of ['1', '2', '4']) {
      const { code, stdout } = await runCli(['plan', '--train', nano, '--threads', threads]);
      const parts = ['parameters', 'activations', 'heaps'].map((line) => megabytes(stdout, line));
      const sum = parts.reduce((a, b) => a + b);
      // Four numbers of one decimal.
      expect(Math.abs(megabytes(stdout, 'in all') - sum)).toBeLessThan(0.21);
      // Sixteen bytes a parameter, and each thread's scratch.
      expect(parts[0]).toBeGreaterThan(16.79);
      expect(parts[0]).toBeLessThan(17 + Number(threads));
      expect(code).toBe(0);
      expect(stdout).toMatch(/^nano: 1049728 parameters, 2000 steps of 1024 tokens$/m);
      sums.push(sum);
    }
    expect(sums[1] - sums[0]).toBeGreaterThan(40);
    expect(sums[2] - sums[1]).toBeGreaterThan(80);
  });

  it('says what to do about a run that does not fit, and ends with 1', async () => {
    const { code, stdout } = await runCli(['plan', '--train', nano, '--threads', '2', '--memory', '150MB']);
    expect(stdout).toMatch(/in all .*, more than +150\.0 MB$/m);
    expect(stdout).toMatch(/does not fit: make micro_batch_size or sequence_length smaller/);
    expect(code).toBe(1);
  });

  it('plans the most that tuning can take, less of it with adapters, more for pairs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smollm2-plan-'));
    const planned = async (more: object) => {
      const recipe = join(folder, 'tune.yaml');
      const keys = { model_name_or_path: 'nano', dataset_name: 'rows', max_length: 128, run_name: 'tune' };
      writeFileSync(recipe, JSON.stringify({ ...keys, per_device_train_batch_size: 4, ...more }));
      const { code, stdout } = await runCli(['plan', '--train', recipe, '--json']);
      expect(code).toBe(0);
      return JSON.parse(stdout);
    };
    const whole = await planned({});
    const adapted = await planned({ use_peft: true });
    const pairs = await planned({ beta: 0.1 });
    rmSync(folder, { recursive: true });
    expect(whole).toMatchObject({ name: 'tune', parameters: 1049728, fits: true });
    expect(adapted.stateBytes).toBeLessThan(whole.stateBytes / 2);
    expect(pairs.passBytes).toBeGreaterThan(1.3 * whole.passBytes);
    expect(pairs.stateBytes / whole.stateBytes).toBeCloseTo(1, 2);
  });

  it('says what a run would say of the recipe', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smollm2-plan-'));
    const recipe = join(folder, 'colour.yaml');
    writeFileSync(recipe, `${readFileSync(nano, 'utf8')}\ncolour: red\n`);
    const { stderr } = await runCli(['plan', '--train', recipe]);
    rmSync(folder, { recursive: true });
    expect(stderr).toContain('colour: unknown key, without effect\n');
  });

  it('answers at once where no memory could ever do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smollm2-plan-'));
    const recipe = join(folder, 'huge.yaml');
    writeFileSync(
      recipe,
      readFileSync(nano, 'utf8').replace(/micro_batch_size: \d+/, 'micro_batch_size: 20000000'),
    );
    const { code, stdout } = await runCli(['plan', '--train', recipe]);
    rmSync(folder, { recursive: true });
    expect(stdout).toMatch(/in all +52428\d\d\.\d MB, more than/);
    expect(code).toBe(1);
  });
});
