// A file that grows by a line at a time, so that a stop at any moment loses at most the line in hand.

import { open, readFile } from 'node:fs/promises';
import { orDiskError } from './write-file.ts';

export interface KeptLines {
  /** @param line with its line feed */
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

/** The whole lines of a file, each with its line feed; nothing where there is no file. */
export async function readKept(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/**
 * Goes on behind what `readKept` gave, once it is known to be what was wanted: a last line that was not finished is cut
 * off, and a file that is not there is begun.
 */
export async function openKept(path: string, kept: string): Promise<KeptLines> {
  const file = await open(path, 'a').catch(orDiskError(path));
  await file.truncate(Buffer.byteLength(kept));
  return {
    append: (line) => file.appendFile(line).catch(orDiskError(path)),
    close: () => file.close(),
  };
}
