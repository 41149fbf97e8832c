import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { CheckpointFolder } from '../../src/node/train/checkpoint-folder.ts';

const SCRIPT = fileURLToPath(new URL('../support/save-checkpoints.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'smollm2-checkpoints-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run that is killed', () => {
  it('at any moment leaves the last checkpoint whole', async () => {
    for (const delay of [0, 7, 15, 31, 52, 80]) {
      rmSync(folder, { recursive: true });
      const child = spawn(process.execPath, [SCRIPT, folder, '100000', '40000']);
      let told = '';
      child.stdout.on('data', (text) => {
        told += text;
        // Killed in the middle of a later save, at another place each time.
        if (told.split('\n').length > 3) setTimeout(() => child.kill('SIGKILL'), delay);
      });
      await new Promise((resolve) => child.on('close', resolve));
      const lastTold = Number(told.trim().split('\n').at(-1));
      const last = await new CheckpointFolder(folder).latest();
      // Either the one that was told, or one that was complete and could not be told any more.
      expect([lastTold, lastTold + 1]).toContain(last?.state.step);
      expect(new Set(last?.tensors.secondMoments[0].values)).toEqual(new Set([last?.state.step]));
    }
  });
});
