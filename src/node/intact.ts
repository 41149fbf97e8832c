// Whether a kept file still holds the bytes it was checked for. A file is hashed once for each path, size and time
// of change; the answer lies beside it.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { shardNames } from '../base/shard-names.ts';

/**
 * What a file of the hub's cache must hold: a large file lies under its sha256 as its name. Undefined for other files.
 */
export async function promisedByName(path: string): Promise<{ size: number; sha256: string } | undefined> {
  const real = await realpath(path).catch(() => path);
  const sha256 = /^[0-9a-f]{64}$/.exec(basename(real))?.[0];
  const found = sha256 && (await stat(real).catch(() => undefined));
  return sha256 && found ? { size: found.size, sha256 } : undefined;
}

/** The weights among a model's files that do not hold what the name of their blob promises. */
export async function damagedBlobs(path: string, kind: 'gguf' | 'folder'): Promise<string[]> {
  const names = kind === 'gguf' ? (shardNames(path) ?? [path]) : await readdir(path);
  const damaged: string[] = [];
  for (const name of names) {
    const file = resolve(kind === 'gguf' ? dirname(path) : path, name);
    const promised = await promisedByName(file);
    if (promised && !(await isIntact(await realpath(file), promised))) damaged.push(file);
  }
  return damaged;
}

/**
 * Whether the file is there and has this size and sha256 (lower-case hex).
 *
 * @param again hash it whatever was found before
 */
export async function isIntact(
  path: string,
  expected: { size: number; sha256: string },
  again = false,
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== expected.size) return false;
  const seen = `${expected.sha256} ${found.size} ${found.mtimeMs}`;
  const note = `${path}.checked`;
  if (!again && (await readFile(note, 'utf8').catch(() => '')) === seen) return true;
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
