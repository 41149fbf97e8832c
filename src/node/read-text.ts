// A text file that a user names.

import { readFile } from 'node:fs/promises';
import { UnavailableError } from '../base/errors.ts';

/** @throws UnavailableError that names the file, when it cannot be read */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw new UnavailableError(`${path}: expected a file that can be read, got ${cause.message}`, { cause });
  });
}
