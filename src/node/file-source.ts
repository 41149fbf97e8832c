// Files as sources of bytes, which only Node has.

import { open, stat as statOf } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { checkRange, type Source } from '../format/source.ts';

/** Opens files in the folder of `path` by their plain names: the other shards of a model. */
export function besideFile(path: string): (fileName: string) => Promise<Source> {
  return (fileName) => fileSource(join(dirname(path), fileName));
}

/**
 * A file on disk, read piece by piece through one handle; close it when the weights are loaded.
 *
 * @throws UnavailableError when there is no such file, or it may not be read
 */
export async function fileSource(path: string): Promise<Source> {
  const unavailable = (cause: unknown) =>
    new UnavailableError(`${path}: expected a file that can be read, got ${(cause as Error).message}`);
  // Asked before it is opened: a named pipe would wait for a writer for ever.
  const kind = await statOf(path).catch((cause) => {
    throw unavailable(cause);
  });
  if (!kind.isFile()) throw unavailable(new Error(kind.isDirectory() ? 'a folder' : 'something else'));
  const file = await open(path, 'r').catch((cause) => {
    throw unavailable(cause);
  });
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw unavailable(new Error(stat.isDirectory() ? 'a folder' : 'something else'));
  }
  const source: Source = {
    name: path,
    size: stat.size,
    read: async (offset, length) => {
      checkRange(source, offset, length);
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
        if (bytesRead === 0) {
          const message = `expected ${length} bytes here, got ${at}: the file shrank while it was read`;
          throw new FormatError(message, { file: path, offset });
        }
        at += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
  return source;
}
