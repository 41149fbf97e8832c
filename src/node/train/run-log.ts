// log.jsonl of a run: one line a step, each on the disk before the next step begins. What a killed run wrote after
// its last checkpoint is taken away when it is resumed: those steps are taken again. On a full disk lines wait in
// memory, and every step tries again to write them.

import { appendFile, readFile, truncate } from 'node:fs/promises';
import type { StepLine } from '../../train/trainer.ts';
import { makeFolderOf, writeText } from '../write-file.ts';

export class RunLog {
  readonly path: string;
  private readonly onNote: (text: string) => void;
  /** Bytes of whole lines in the file. */
  private size = 0;
  private waiting = '';

  constructor(path: string, onNote: (text: string) => void = () => {}) {
    this.path = path;
    this.onNote = onNote;
  }

  /** Keeps the lines of steps up to `step`; those of a run that was interrupted within a line are left out. */
  async keepUpTo(step: number): Promise<void> {
    makeFolderOf(this.path);
    const lines = (await this.lines()).filter((line) => line.step <= step);
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    await writeText(this.path, text);
    this.size = Buffer.byteLength(text);
  }

  async append(line: StepLine): Promise<void> {
    const isFirst = this.waiting === '';
    this.waiting += `${JSON.stringify(line)}\n`;
    const problem = await this.flush();
    if (problem && isFirst) this.onNote(`LOG NOT WRITTEN: ${problem.message}; its lines wait for room`);
  }

  /** Writes what waits. @returns why it still waits */
  async flush(): Promise<Error | undefined> {
    const { waiting } = this;
    try {
      await appendFile(this.path, waiting);
    } catch (error) {
      // A full disk takes the beginning of a line.
      await truncate(this.path, this.size).catch(() => undefined);
      return error as Error;
    }
    this.size += Buffer.byteLength(waiting);
    this.waiting = '';
    return undefined;
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
