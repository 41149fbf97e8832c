// A result file on disk: one sample a line, appended as they come, so that a stop at any moment loses at most
// the question in hand.

import { open, readFile, truncate } from 'node:fs/promises';
import { shown } from '../../base/shown.ts';
import { lineOf, parseSamples, type RunSettings, type Sample } from '../../eval/sample.ts';
import { orDiskError } from '../write-file.ts';

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
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const { samples, wholeBytes } = parseSamples(path, text);
  for (const name of ['model', 'engine', 'style', 'chat', 'seed'] as const) {
    const other = samples.find((sample) => sample[name] !== settings[name]);
    if (other) {
      throw new RangeError(
        `${path}: expected samples with ${name} ${settings[name]}, got ${shown(other[name])}; take another file`,
      );
    }
  }
  if (text.length > 0) await truncate(path, wholeBytes);
  const file = await open(path, 'a').catch(orDiskError(path));
  return {
    known: samples,
    append: async (sample) => {
      await file.appendFile(lineOf(sample)).catch(orDiskError(path));
    },
    close: () => file.close(),
  };
}

/** Samples of a finished or unfinished run. */
export async function readResultFile(path: string): Promise<Sample[]> {
  return parseSamples(path, await readFile(path, 'utf8')).samples;
}
