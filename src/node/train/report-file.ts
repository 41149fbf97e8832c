// DIR/report.html of a run: its curves and samples, written anew every few seconds while it goes on. The page loads
// itself again as long as it does, so a browser that shows the file shows the run.

import { basename, join } from 'node:path';
import { type ReportedRun, runReport } from '../../train/run-report.ts';
import type { StepLine } from '../../train/trainer.ts';
import { writeFileWhole } from '../write-file.ts';

const EVERY_MS = 5000;

export class ReportFile {
  readonly path: string;
  private readonly name: string;
  private readonly lines: StepLine[];
  private readonly onNote: (text: string) => void;
  private writtenAt = Number.NEGATIVE_INFINITY;
  private isBroken = false;

  /** @param lines of the steps before, when a run goes on */
  constructor(folder: string, lines: readonly StepLine[], onNote: (text: string) => void) {
    this.path = join(folder, 'report.html');
    this.name = basename(folder);
    this.lines = [...lines];
    this.onNote = onNote;
  }

  async step(line: StepLine, totalSteps: number): Promise<void> {
    this.lines.push(line);
    if (performance.now() - this.writtenAt < EVERY_MS) return;
    await this.write({ totalSteps }, EVERY_MS / 1000);
    this.writtenAt = performance.now();
  }

  /** The page of a run that is over. */
  async end(facts: Pick<ReportedRun, 'totalSteps' | 'lossHash'>): Promise<void> {
    await this.write(facts);
  }

  /** A picture that cannot be written ends no run. */
  private async write(facts: Pick<ReportedRun, 'totalSteps' | 'lossHash'>, refresh?: number): Promise<void> {
    try {
      const page = runReport([{ name: this.name, lines: this.lines, ...facts }], refresh);
      await writeFileWhole(this.path, pieces(page));
    } catch (error) {
      if (!this.isBroken) this.onNote(`${this.path}: not written (${(error as Error).message})`);
      this.isBroken = true;
    }
  }
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
