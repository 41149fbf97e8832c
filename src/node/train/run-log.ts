// log.jsonl of a run: one line a step, each on the disk before the next step begins. What a killed run wrote after its
// last checkpoint is taken away when it is resumed: those steps are taken again.

import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StepLine } from '../../train/trainer.ts';
import { orDiskError, writeText } from '../write-file.ts';

export class RunLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Keeps the lines of steps up to `step`; those of a run that was interrupted within a line are left out. */
  async keepUpTo(step: number): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const lines = (await this.lines()).filter((line) => line.step <= step);
    await writeText(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  async append(line: StepLine): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(line)}\n`).catch(orDiskError(this.path));
  }

  /** Every whole line; none where there is no file. */
  async lines(): Promise<StepLine[]> {
    const text = await readFile(this.path, 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => {
      try {
        const value = JSON.parse(line) as StepLine;
        return Number.isSafeInteger(value?.step) ? [value] : [];
      } catch {
        return [];
      }
    });
  }
}
