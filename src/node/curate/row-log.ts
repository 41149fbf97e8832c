// Rows of `synthesize` as they are written, so that a stop at any moment loses at most those in hand: one a line beside
// the output, behind a line that says what they were made with; gone when the output is whole.

import { rm } from 'node:fs/promises';
import { FormatError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import type { Written } from '../../data/synthesize/writer.ts';
import { openKept, readKept } from '../kept-lines.ts';

export interface RowLog {
  /** Rows of an earlier run, by their number. */
  readonly known: ReadonlyMap<number, Written>;
  append(row: number, written: Written): Promise<void>;
  close(): Promise<void>;
  /** The output is whole: the rows are not needed any more. */
  remove(): Promise<void>;
}

/**
 * Opens the rows of an interrupted run, or begins them. A last line that was not finished is written anew.
 *
 * @param settings all that a row depends on
 * @throws RangeError  when the rows were made with other settings
 * @throws FormatError when it is no such file
 */
export async function openRowLog(path: string, settings: Readonly<Record<string, unknown>>): Promise<RowLog> {
  const kept = await readKept(path);
  const [first, ...lines] = kept.split('\n').slice(0, -1);
  const own = JSON.stringify(settings);
  if (first !== undefined && first !== own) {
    throw new RangeError(
      `${path}: expected rows made with ${own}, got ${shown(first)}; finish that run, or remove the file`,
    );
  }
  const known = new Map(lines.map((line) => parseRow(path, line)));
  const file = await openKept(path, kept);
  const write = (value: unknown) => file.append(`${JSON.stringify(value)}\n`);
  if (first === undefined) await write(settings);
  return {
    known,
    append: (row, written) => write([row, written]),
    close: () => file.close(),
    remove: () => rm(path),
  };
}

function parseRow(path: string, line: string): [number, Written] {
  try {
    const [row, written] = JSON.parse(line);
    if (Number.isSafeInteger(row) && row >= 0 && Array.isArray(written.messages)) return [row, written];
  } catch {
    // said below
  }
  throw new FormatError(`expected a row of conversations a line, got ${shown(line)}; remove it`, {
    file: path,
  });
}
