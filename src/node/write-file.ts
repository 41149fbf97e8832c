// A file that appears whole or not at all: it grows beside its place and is renamed onto it when it is complete.

import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes the pieces to `path`, replacing what is there. When a piece cannot be had or written, `path` stays as it was.
 *
 * @returns bytes written
 */
export async function writeFileWhole(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const partial = `${path}.${process.pid}.partial`;
  const file = await open(partial, 'w');
  let size = 0;
  try {
    for await (const piece of pieces) {
      await file.writeFile(piece);
      size += piece.length;
    }
    await file.sync();
    await file.close();
    await rename(partial, path);
    return size;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}
