// The models that are on this machine: those in this program's own cache folder, and the repositories of the hub's
// cache that hold weights.

import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { UnavailableError } from '../base/errors.ts';
import { MODEL_NAMES } from '../download/model-names.ts';
import { weightsCacheFolder } from './find-weights.ts';
import { type Environment, hubCacheFolder } from './hub-cache.ts';
import { isIntact, promisedByName } from './intact.ts';

/** One model on disk. */
export interface CachedModel {
  /** What `--model` takes for it. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number;
  /** File or folder that `smollm2 rm` removes. */
  readonly path: string;
}

const HOLDS_WEIGHTS = /\.(gguf|safetensors)$/i;

/** Every model that was fetched, newest first. */
export async function cachedModels(env: Environment = process.env): Promise<CachedModel[]> {
  const own = weightsCacheFolder(env);
  const models: CachedModel[] = [];
  for (const { path, size, modified } of await filesBelow(own)) {
    if (HOLDS_WEIGHTS.test(path)) models.push({ name: path, size, modified, path });
  }
  const hub = hubCacheFolder(env);
  for (const folder of await readdir(hub).catch(() => [])) {
    const repo = /^models--([^-].*?)--(.+)$/.exec(folder);
    if (!repo) continue;
    const path = join(hub, folder);
    const names = (await filesBelow(join(path, 'snapshots'))).map((file) => file.path);
    if (!names.some((name) => HOLDS_WEIGHTS.test(name))) continue;
    const blobs = await filesBelow(path, false);
    const size = blobs.reduce((sum, file) => sum + file.size, 0);
    const modified = Math.max(...blobs.map((file) => file.modified));
    models.push({ name: `${repo[1]}/${repo[2]}`, size, modified, path });
  }
  return models.sort((a, b) => b.modified - a.modified);
}

/** Weights on this machine of which a sha256 is known, each hashed anew. */
export async function checkedWeights(
  env: Environment = process.env,
): Promise<{ path: string; size: number; isIntact: boolean }[]> {
  const knownFiles = Object.values(MODEL_NAMES);
  const checked = [];
  const hubs = await filesBelow(hubCacheFolder(env));
  for (const { path, size } of [...(await filesBelow(weightsCacheFolder(env))), ...hubs]) {
    if (!HOLDS_WEIGHTS.test(path)) continue;
    const known = knownFiles.find(({ file }) => file === basename(path))?.known;
    const promised = (await promisedByName(path)) ?? known;
    if (!promised) continue;
    checked.push({ path, size, isIntact: await isIntact(await realpath(path), promised, true) });
  }
  return checked;
}

/**
 * Removes a model that `cachedModels` lists, by its name or the last part of its path.
 *
 * @returns what was removed
 * @throws UnavailableError when none or more than one goes by that name
 */
export async function removeCachedModel(name: string, env: Environment = process.env): Promise<CachedModel> {
  const models = await cachedModels(env);
  const found = models.filter((model) => model.name === name || model.path.endsWith(`${sep}${name}`));
  if (found.length !== 1) {
    const names = (found.length > 1 ? found : models).map((model) => model.name);
    const got = found.length > 1 ? `${found.length} of that name` : 'none of that name';
    throw new UnavailableError(
      `${name}: expected a model of smollm2 list, got ${got}; ${names.length ? names.join(', ') : 'there are none'}`,
    );
  }
  const [model] = found;
  await rm(model.path, { recursive: true });
  const own = weightsCacheFolder(env);
  // The folder that a URL's file had to itself.
  if (!relative(own, dirname(model.path)).startsWith('..') && dirname(model.path) !== own) {
    await rm(dirname(model.path), { recursive: true });
  }
  return model;
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
}

/** Files of a folder and the folders in it; links count as the files that they lead to, or not at all. */
async function filesBelow(folder: string, withLinks = true): Promise<FoundFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const found: FoundFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile() && !(withLinks && entry.isSymbolicLink())) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const about = await stat(path).catch(() => undefined);
    if (about?.isFile()) found.push({ path, size: about.size, modified: about.mtimeMs });
  }
  return found;
}
