import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

const folder = makeTinyFolder();
const other = makeTinyFolder('mha');
afterAll(() => {
  for (const path of [folder, other]) rmSync(path, { recursive: true });
});
const scorer = join(folder, 'quality.json');
const rows = Array.from({ length: 30 }, (_, i) => ({
  id: `row-${i}`,
  text: i % 2 ? `add ${i} and divide` : `BUY ${i}!!! CLICK`,
  label: i % 2,
  url: 'kept',
}));
const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const train = (...more: string[]) =>
  runCli(['score', 'train', '--jsonl', '--scorer', scorer, '--features', 'hidden', ...more], lines);
const apply = (...more: string[]) =>
  runCli(['score', 'apply', '--jsonl', '--scorer', scorer, ...more], lines);
const parsed = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('smollm2 score with hidden states', () => {
  it('tries each layer and penalty, draws the calibration, and scores texts in order', {
    tags: ['slow'],
  }, async () => {
    const html = join(folder, 'report.html');
    const { stdout } = await train('--model', folder, '--layers', '1,2', '--html', html, '--json');
    const report = JSON.parse(stdout);
    expect(new Set(report.tried.map(({ features }: { features: string }) => features))).toEqual(
      new Set(['layer 1', 'layer 2']),
    );
    expect(readFileSync(html, 'utf8')).toContain('aria-label="mean label over mean score"');
    const scored = parsed((await apply('--threads', '1')).stdout);
    expect(scored.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    for (const [i, { score }] of scored.entries()) expect(score > 0.5).toBe(rows[i].label === 1);
    const whole = parsed((await apply('--documents')).stdout);
    expect(whole[3]).toEqual({ ...rows[3], score: scored[3].score, int_score: scored[3].int_score });
  });

  it('refuses another model than it was trained on, and layers that are none', {
    tags: ['slow'],
  }, async () => {
    const { code, stderr } = await apply('--model', other);
    expect(code).toBe(1);
    expect(stderr).toContain(`expected the model that the scorer was trained on (${folder})`);
    expect(await train('--model', folder, '--layers', '9')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('layers: expected 1 to'),
    });
    expect(await train('--model', folder, '--layers', 'last')).toMatchObject({ code: 2 });
    const none = await runCli(['score', 'train', '--jsonl', '--scorer', scorer, '--features', 'hidden'], '');
    expect(none).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('labels: expected at least 10 texts'),
    });
  });
});
