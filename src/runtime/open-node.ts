// What `load()` may be given where there is a file system (Node, Deno, Bun): names, hub ids, paths, and all that
// open.ts takes.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { readHfFolder } from '../format/hf.ts';
import { fileSource } from './node.ts';
import { type OpenOptions, type OpenSource, openCheckpoint } from './open.ts';

/** Opens a checkpoint by path, URL or any of the forms of `OpenSource`. */
export async function openNode(source: string | OpenSource, options: OpenOptions = {}): Promise<Checkpoint> {
  if (typeof source !== 'string') return openCheckpoint(source, options);
  if (/^https?:/.test(source)) return openCheckpoint(new URL(source), options);
  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory()) return readHfFolder((name) => fileSource(resolve(source, name)), source);
  return readGguf(await fileSource(source));
}
