// A file that a user names, whole: what is none, or may not be read, is unavailable and not an error of the system.

import { readFile } from 'node:fs/promises';
import { UnavailableError } from '../base/errors.ts';

/** @throws UnavailableError that names the file, when it cannot be read */
export function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: Error) => {
    throw new UnavailableError(`${path}: expected a file that can be read, got ${cause.message}`, { cause });
  });
}

/** `readBytes` as UTF-8. */
export async function readText(path: string): Promise<string> {
  return (await readBytes(path)).toString('utf8');
}
