// Whether a kept file still holds the bytes it was checked for. A file is hashed once for each path, size and time
// of change; the answer lies beside it.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';

/** Whether the file is there and has this size and sha256 (lower-case hex). */
export async function isIntact(path: string, expected: { size: number; sha256: string }): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== expected.size) return false;
  const seen = `${expected.sha256} ${found.size} ${found.mtimeMs}`;
  const note = `${path}.checked`;
  if ((await readFile(note, 'utf8').catch(() => '')) === seen) return true;
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(piece);
  if (hash.digest('hex') !== expected.sha256) return false;
  // A folder that cannot be written is hashed again the next time.
  const partial = `${note}.${process.pid}`;
  await writeFile(partial, seen)
    .then(() => rename(partial, note))
    .catch(() => undefined);
  return true;
}
