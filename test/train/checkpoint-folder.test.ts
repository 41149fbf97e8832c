import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointFolder } from '../../src/node/train/checkpoint-folder.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import type { TrainingCheckpoint } from '../../src/train/training-state.ts';
import { ended } from '../support/run-cli.ts';
import { canMount, inSmallDisk } from '../support/small-disk.ts';

const SCRIPT = fileURLToPath(new URL('../support/save-checkpoints.mjs', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-checkpoints-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function checkpoint(step: number, first = step): TrainingCheckpoint {
  const tensor = (name: string, values: readonly number[]) => ({
    name,
    shape: [2, values.length / 2],
    values: Float32Array.from(values),
  });
  const moments = [tensor('b.weight', [1e-30, -0, Number.NaN, 3]), tensor('a.weight', [9, 8])];
  return {
    state: {
      version: 1,
      step,
      updates: step - 1,
      consumedRows: { 'stage one': 8 * step },
      consumedTokens: 64 * step,
      lossHash: 'abc',
      best: { step: 1, loss: 4.5 },
      recipe: { kind: 'pretrain', name: 'x' } as Recipe,
    },
    tensors: {
      weights: [tensor('b.weight', [first, Math.fround(0.1), -7, 2 ** -149]), tensor('a.weight', [1, 2])],
      firstMoments: moments,
      secondMoments: moments,
    },
  };
}

describe('a checkpoint', () => {
  it('comes back with the same bits and in the same order', { tags: ['slow'] }, async () => {
    const store = new CheckpointFolder(join(folder, 'new', 'checkpoints'));
    expect(await store.latest()).toBeUndefined();
    await store.save(checkpoint(1));
    await store.save(checkpoint(12));
    const bytes = ({ tensors }: TrainingCheckpoint) =>
      [tensors.weights, tensors.firstMoments, tensors.secondMoments].map((list) =>
        list.map(({ name, shape, values }) => [name, shape, Buffer.from(values.buffer).toString('hex')]),
      );
    const last = await store.latest();
    expect(last?.state).toEqual(checkpoint(12).state);
    expect(bytes(last!)).toEqual(bytes(checkpoint(12)));
    expect((await store.load(1)).state.step).toBe(1);
    await expect(store.load(5)).rejects.toThrow('expected a checkpoint of step 5, got 1, 12');
  });

  it('of the same step replaces the one before', { tags: ['slow'] }, async () => {
    const store = new CheckpointFolder(folder);
    await store.save(checkpoint(3, 1));
    await store.save(checkpoint(3, 2));
    expect((await store.latest())?.tensors.weights[0].values[0]).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-00000003']);
  });

  it('is refused when a byte of it has changed', async () => {
    const store = new CheckpointFolder(folder);
    await store.save(checkpoint(3));
    const path = join(folder, 'step-00000003', 'optimizer.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    await expect(store.latest()).rejects.toThrow(/optimizer.safetensors: expected sha256 .* damaged/);
  });

  it('that is damaged gives way to the one before it, and is named', async () => {
    const notes: string[] = [];
    const store = new CheckpointFolder(folder, (text) => notes.push(text));
    await store.save(checkpoint(3));
    await store.save(checkpoint(6));
    rmSync(join(folder, 'step-00000006', 'optimizer.safetensors'));
    expect((await store.latest())?.state.step).toBe(3);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(
      /expected a file of a checkpoint, got ENOENT.*; going on from step-00000003, delete .*step-00000006$/,
    );
    writeFileSync(join(folder, 'step-00000003', 'state.json'), '');
    await expect(store.latest()).rejects.toThrow(/step-00000006.*ENOENT/);
  });

  it('takes the place of those before it where only one is kept', async () => {
    const store = new CheckpointFolder(folder, undefined, 1);
    await store.save(checkpoint(3));
    await store.save(checkpoint(6));
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-00000006']);
  });

  it('leaves as many as are kept, and never goes itself', async () => {
    const store = new CheckpointFolder(folder, undefined, 2);
    for (const step of [3, 6, 9, 4]) await store.save(checkpoint(step));
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-00000004', 'step-00000009']);
    expect((await store.latest())?.state.step).toBe(4);
  });

  it('that was left half written is named and ignored, and so is a latest that leads nowhere', {
    tags: ['slow'],
  }, async () => {
    await new CheckpointFolder(folder).save(checkpoint(3));
    mkdirSync(join(folder, 'step-00000009.partial'));
    writeFileSync(join(folder, 'latest'), 'step-00000007\n');
    const notes: string[] = [];
    const last = await new CheckpointFolder(folder, (text) => notes.push(text)).latest();
    expect(last?.state.step).toBe(3);
    expect(notes).toEqual([
      `${folder}/step-00000009.partial: half written, ignored`,
      `${folder}/latest: expected a checkpoint, got "step-00000007"; taking step-00000003`,
    ]);
  });
});

describe('a full disk', () => {
  it.skipIf(!canMount)(
    'keeps the checkpoint before, says so, and the run goes on',
    { tags: ['slow'] },
    async () => {
      // One checkpoint takes 3 x 4 x 40,000 bytes; two fit, beside a folder that is being replaced.
      const list = `ls ${folder}; cat ${folder}/latest`;
      const command = `${process.execPath} ${SCRIPT} ${folder} 4 40000; echo code $?; ${list}`;
      const child = spawn('unshare', inSmallDisk('1m', folder, command));
      const { stdout, stderr } = await ended(child);
      expect(stdout.split('\n')).toEqual([
        '1',
        '2',
        'code 0',
        'latest',
        'step-00000001',
        'step-00000002',
        'step-00000002',
        '',
      ]);
      const failures = stderr.trim().split('\n');
      expect(failures).toHaveLength(2);
      expect(failures[0]).toMatch(/step-00000003: could not be written \(.*ENOSPC/);
    },
  );
});
