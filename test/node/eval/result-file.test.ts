import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { lineOf, type Sample } from '../../../src/eval/sample.ts';
import { openResultFile, readResultFile } from '../../../src/node/eval/result-file.ts';

const settings = { model: 'm', style: 'lighteval', chat: false, seed: 42 } as const;
const sample = (row: number): Sample => ({
  ...settings,
  task: 'piqa',
  row,
  shots: 0,
  loglikelihood: [-1.5, -2],
  chosen: 0,
  gold: 1,
  scores: { acc_norm: 0 },
});
let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'result-file-')), 'run.jsonl');
});

describe('openResultFile', () => {
  it('begins a file, appends, and cuts off a line that was not finished', async () => {
    const first = await openResultFile(path, settings);
    expect(first.known).toEqual([]);
    await first.append(sample(0));
    await first.append(sample(1));
    await first.close();
    const whole = readFileSync(path, 'utf8');
    expect(whole).toBe(lineOf(sample(0)) + lineOf(sample(1)));
    writeFileSync(path, `${whole}{"task":"piqa","ro`);
    const second = await openResultFile(path, settings);
    expect(second.known).toEqual([sample(0), sample(1)]);
    await second.append(sample(2));
    await second.close();
    expect(await readResultFile(path)).toEqual([sample(0), sample(1), sample(2)]);
  });

  it('refuses samples of another seed or engine, and leaves the file as it was', async () => {
    const before = lineOf(sample(0)) + lineOf(sample(1));
    writeFileSync(path, before);
    await expect(openResultFile(path, { ...settings, seed: 7 })).rejects.toThrow(
      `${path}: expected samples with seed 7, got 42; take another file`,
    );
    await expect(openResultFile(path, { ...settings, engine: 'wasm fast' })).rejects.toThrow(
      `${path}: expected samples with engine wasm fast, got nothing; take another file`,
    );
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('refuses a file of something else, and leaves it as it was', async () => {
    writeFileSync(path, 'shopping list\n');
    await expect(openResultFile(path, settings)).rejects.toThrow(`${path}, line 1: expected JSON`);
    expect(readFileSync(path, 'utf8')).toBe('shopping list\n');
  });
});
