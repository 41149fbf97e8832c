// A file that appears whole or not at all: it grows beside its place and is renamed onto it when it is complete.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnavailableError } from '../base/errors.ts';

/** What a disk answers, as against what a program did wrong. */
const DISK_ERRORS = new Set(
  'ENOSPC EDQUOT EFBIG EACCES EPERM EROFS ENOTDIR EISDIR ENAMETOOLONG EIO EEXIST ENOENT ELOOP ENOTEMPTY'.split(
    ' ',
  ),
);

/** What a disk answered, as an UnavailableError that names the file; any other error as it is. */
export function diskError(path: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !DISK_ERRORS.has(code)) return cause;
  return new UnavailableError(`${path}: expected a place to write to, got ${message}`, { cause });
}

/** `file.appendFile(…).catch(orDiskError(path))`. */
export function orDiskError(path: string): (cause: unknown) => never {
  return (cause) => {
    throw diskError(path, cause);
  };
}

/**
 * A folder, and those above it that are missing. Node's own recursive mkdir never comes back from a place such as
 * /proc/x, where making a folder is answered by "no such file" (seen in Node 20).
 *
 * @param named what an error names: the folder that was asked for
 * @throws UnavailableError when there can be none
 */
export function makeFolder(path: string, named = path): void {
  const above = dirname(path);
  if (!existsSync(above)) makeFolder(above, named);
  try {
    mkdirSync(path);
  } catch (error) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw diskError(named, error);
  }
}

/** The folder of a file that is to be written; an error names the file. */
export function makeFolderOf(file: string): void {
  makeFolder(dirname(file), file);
}

/**
 * Writes the pieces to `path`, replacing what is there. When a piece cannot be had or written, `path` stays as it
 * was and nothing is left beside it. A device or a pipe is written to as it is.
 *
 * @returns bytes written
 * @throws UnavailableError when the disk is full or the place is none to write to
 */
export async function writeFileWhole(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const target = await realpath(path).catch(() => path);
  const found = await stat(target).catch(() => undefined);
  const isSpecial = found !== undefined && !found.isFile() && !found.isDirectory();
  const partial = isSpecial ? target : `${target}.${process.pid}.partial`;
  const file = await open(partial, 'w').catch(orDiskError(path));
  let size = 0;
  try {
    for await (const piece of pieces) {
      await file.writeFile(piece).catch(orDiskError(path));
      size += piece.length;
    }
    if (!isSpecial) await file.sync().catch(orDiskError(path));
    await file.close();
    if (!isSpecial) await rename(partial, target).catch(orDiskError(path));
    return size;
  } catch (error) {
    await file.close().catch(() => undefined);
    if (!isSpecial) await rm(partial, { force: true });
    throw error;
  }
}

/** `writeFileWhole` of a text. */
export async function writeText(path: string, text: string): Promise<void> {
  await writeFileWhole(path, [new TextEncoder().encode(text)]);
}
