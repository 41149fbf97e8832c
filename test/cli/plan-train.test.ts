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
