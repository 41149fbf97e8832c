// A result file on disk: one sample a line, appended as they come, so that a stop at any moment loses at most
// the question in hand.

import { readFile } from 'node:fs/promises';
import { shown } from '../../base/shown.ts';
import { lineOf, parseSamples, type RunSettings, type Sample } from '../../eval/sample.ts';
import { openKept, readKept } from '../kept-lines.ts';

export interface ResultFile {
  /** Samples that were in the file. */
  readonly known: readonly Sample[];
  append(sample: Sample): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a result file, or begins one. A last line that was not finished is cut off.
 *
 * @throws RangeError   when the samples in it come from a run with other settings
 * @throws FormatError  when it is no result file
 */
export async function openResultFile(path: string, settings: RunSettings): Promise<ResultFile> {
  const kept = await readKept(path);
  const { samples } = parseSamples(path, kept);
  for (const name of ['model', 'engine', 'style', 'chat', 'seed'] as const) {
    const other = samples.find((sample) => sample[name] !== settings[name]);
    if (other) {
      throw new RangeError(
        `${path}: expected samples with ${name} ${settings[name]}, got ${shown(other[name])}; take another file`,
      );
    }
  }
  const lines = await openKept(path, kept);
  return { known: samples, append: (sample) => lines.append(lineOf(sample)), close: () => lines.close() };
}

/** Samples of a finished or unfinished run. */
export async function readResultFile(path: string): Promise<Sample[]> {
  return parseSamples(path, await readFile(path, 'utf8')).samples;
}
