// What `load()` may be given where there is a file system (Node, Deno, Bun): names, hub ids, paths, manifests of
// parts, and all that open.ts takes.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { isManifest, type OpenOptions, type OpenSource, openCheckpoint } from '../format/open.ts';
import { partsSource, readManifest } from '../format/parts.ts';
import { type FindWeightsOptions, openWeights } from './find-weights.ts';
import { readBytes } from './read-file.ts';

/** Opens a checkpoint by name, hub id, path, URL or any of the forms of `OpenSource`. */
export async function openNode(
  source: string | OpenSource,
  options: OpenOptions & FindWeightsOptions = {},
): Promise<Checkpoint> {
  if (source instanceof URL && source.protocol === 'file:') return openNode(fileURLToPath(source), options);
  if (typeof source !== 'string') return openCheckpoint(source, options);
  if (!isManifest(source)) return openWeights(source, options);
  if (/^https?:/.test(source)) return openCheckpoint(new URL(source), options);
  const manifest = readManifest(await readBytes(source).then(String), source);
  return readGguf(partsSource(manifest, (part) => readBytes(join(dirname(source), part.name))));
}
