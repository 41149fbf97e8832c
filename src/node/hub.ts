// Fetching a model from the Hugging Face hub into the cache that it shares with the Python tools. Lists and
// commits come through @huggingface/hub; the bytes through fetch-file.ts, which resumes and checks the hash
// of every file.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import { AccessError } from '../download/download.ts';
import { chooseModelFiles, INDEX_FILE, indexedShards, type ModelFiles } from '../download/model-files.ts';
import type { HubRequest } from '../download/model-names.ts';
import { fetchFile } from './fetch-file.ts';
import { CachedRepo, type Environment, hubToken } from './hub-cache.ts';
import { proxyFetch } from './proxy-fetch.ts';
import { makeFolder } from './write-file.ts';

/** A model on this machine: a `.gguf` file, or a folder with `config.json`. */
export interface LocalModelFiles {
  readonly kind: 'gguf' | 'folder';
  readonly path: string;
}

export interface HubOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal;
  /** How long the hub may take to answer at all; 4 seconds by default. */
  readonly reachMs?: number;
  /** By their real paths, files that must be fetched again; each stays until the new one takes its place. */
  readonly damaged?: ReadonlyMap<string, unknown>;
  readonly onNote?: (text: string) => void;
  readonly onProgress?: (file: string, bytesDone: number, bytesTotal: number | undefined) => void;
}

/** What the hub says about a file: the hash is sha256 for large files and git's blob hash for small ones. */
interface HubFile {
  readonly path: string;
  readonly size: number;
  readonly hash: string;
  readonly isLarge: boolean;
}

/** The model in the cache, without a word to the network. */
export async function findInHubCache(
  request: HubRequest,
  env: Environment,
): Promise<LocalModelFiles | undefined> {
  const repo = new CachedRepo(env, request.repo);
  const { known } = request;
  const snapshot = await repo.snapshot(request.revision);
  if (known && request.file) {
    const paths = [join(snapshot?.folder ?? repo.folder, request.file), repo.blobPath(known.sha256)];
    for (const path of paths) if (await hasSize(path, known.size)) return { kind: 'gguf', path };
    return undefined;
  }
  if (!snapshot) return undefined;
  let files: ModelFiles | undefined;
  try {
    files = chooseModelFiles(snapshot.names, request.file);
  } catch {
    return undefined; // the file that is wanted is not here; the hub may have it
  }
  if (!files) return undefined;
  if (files.kind === 'gguf') {
    if (!files.shards.every((name) => snapshot.names.includes(name))) return undefined;
    return { kind: 'gguf', path: join(snapshot.folder, files.file) };
  }
  if (files.files.includes(INDEX_FILE)) {
    const shards = indexedShards(await readFile(join(snapshot.folder, INDEX_FILE), 'utf8'));
    if (!shards?.every((name) => snapshot.names.includes(name))) return undefined;
  }
  return { kind: 'folder', path: snapshot.folder };
}

/**
 * Fetches what is missing of a model.
 *
 * @throws UnavailableError when the hub cannot be reached, refuses, or has no such model
 * @throws FormatError      when a file does not have the hash that the hub promised
 */
export async function fetchFromHub(request: HubRequest, options: HubOptions): Promise<LocalModelFiles> {
  const hub = await connect(request, options);
  const files = chooseModelFiles([...hub.files.keys()], request.file);
  if (!files)
    throw new UnavailableError(`${request.repo}: expected a GGUF file or a safetensors model, got neither`);
  const fetchAll = async (names: readonly string[]) => {
    for (const name of names) await fetchHubFile(hub, name, request, options);
  };
  if (files.kind === 'gguf') {
    await fetchAll(files.shards);
    return { kind: 'gguf', path: hub.repo.snapshotPath(hub.commit, files.file) };
  }
  await fetchAll(files.files);
  if (files.files.includes(INDEX_FILE)) {
    const index = hub.repo.snapshotPath(hub.commit, INDEX_FILE);
    const shards = indexedShards(await readFile(index, 'utf8'));
    if (!shards)
      throw new FormatError('expected file names in weight_map', { file: index, field: 'weight_map' });
    await fetchAll(shards);
  }
  return { kind: 'folder', path: hub.repo.snapshotPath(hub.commit, '.') };
}

interface Hub {
  readonly endpoint: string;
  readonly headers: Record<string, string>;
  readonly repo: CachedRepo;
  readonly commit: string;
  readonly files: ReadonlyMap<string, HubFile>;
}

/** Commit and files of the revision, both within `reachMs`. */
async function connect(request: HubRequest, { env, signal, reachMs = 4000 }: HubOptions): Promise<Hub> {
  const { HUB_URL, listFiles, modelInfo } = await import('@huggingface/hub');
  const endpoint = (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, '');
  const token = await hubToken(env);
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const timeout = AbortSignal.timeout(reachMs);
  const within = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const through = await proxyFetch(env);
  const reach: typeof fetch = (input, init) =>
    through(input, {
      ...init,
      signal: within,
      // A next page may lie on another host: the token stays here.
      headers: { ...(init?.headers as Record<string, string>), ...(isAt(endpoint, input) ? headers : {}) },
    });
  try {
    const common = { hubUrl: endpoint, fetch: reach };
    const { sha: commit } = await modelInfo({
      ...common,
      name: request.repo,
      revision: request.revision,
      additionalFields: ['sha'],
    });
    if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error(`no commit but ${shown(commit)}`);
    const files = new Map<string, HubFile>();
    const repo = { type: 'model', name: request.repo } as const;
    for await (const entry of listFiles({ ...common, repo, revision: commit })) {
      const hash = entry.lfs?.oid ?? entry.oid;
      if (entry.type !== 'file' || !hash || !/^[0-9a-f]{40,64}$/.test(hash) || /[\\/]/.test(entry.path))
        continue;
      const size = entry.lfs?.size ?? entry.size;
      files.set(entry.path, { path: entry.path, size, hash, isLarge: entry.lfs !== undefined });
    }
    return { endpoint, headers, repo: new CachedRepo(env, request.repo), commit, files };
  } catch (cause) {
    signal?.throwIfAborted();
    const problem = hubProblem(cause, reachMs);
    const isRefused = /^status 40[13]$/.test(problem);
    const found = `${request.repo} on ${endpoint}: ${problem}`;
    throw isRefused ? new AccessError(`${found}; ${waysIn(token)}`) : new UnavailableError(found);
  }
}

/** Whether an address lies on the hub's own host. */
export function isAt(endpoint: string, address: string | URL | Request): boolean {
  const url = address instanceof Request ? address.url : String(address);
  return URL.canParse(url) && URL.canParse(endpoint) && new URL(url).origin === new URL(endpoint).origin;
}

function hubProblem(cause: unknown, reachMs: number): string {
  const error = cause as Error & { statusCode?: number };
  if (error.name === 'TimeoutError') return `no answer within ${reachMs / 1000} s`;
  const { statusCode } = error;
  if (statusCode === 404) return 'status 404, no such model';
  if (statusCode) return `status ${statusCode}`;
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** The hub says the same of a model that is not there and of one that may not be seen. */
function waysIn(token: string | undefined): string {
  return token === undefined
    ? 'there is no such model, or it is gated or private: ask for access on its page and set HF_TOKEN'
    : 'there is no such model, or it is gated or private and this token may not read it: ask for access on its page';
}

async function fetchHubFile(hub: Hub, name: string, request: HubRequest, options: HubOptions): Promise<void> {
  const file = hub.files.get(name);
  if (!file) throw new UnavailableError(`${request.repo}: expected a file ${name}, got none`);
  const isHere = async (path: string) =>
    (await hasSize(path, file.size)) && !options.damaged?.has(await realpath(path));
  const linked = hub.repo.snapshotPath(hub.commit, name);
  if (await isHere(linked)) return;
  const blob = hub.repo.blobPath(file.hash);
  if (!(await isHere(blob))) {
    options.onNote?.(`fetching ${name} of ${request.repo} (${(file.size / 1e6).toFixed(1)} MB)`);
    const path = name.split('/').map(encodeURIComponent).join('/');
    makeFolder(join(hub.repo.folder, 'blobs'));
    await fetchFile(`${hub.endpoint}/${request.repo}/resolve/${hub.commit}/${path}`, blob, {
      sha256: request.known?.sha256 ?? (file.isLarge ? file.hash : undefined),
      headers: hub.headers,
      signal: options.signal,
      env: options.env,
      onProgress: (done, total) => options.onProgress?.(name, done, total ?? file.size),
      check: file.isLarge ? undefined : (partial) => checkGitHash(partial, file),
    });
  }
  await rm(linked, { force: true }); // a file of its own, where links are not allowed
  await hub.repo.link(hub.commit, name, file.hash);
  await hub.repo.writeRef(request.revision, hub.commit);
}

/** Small files have git's hash of a blob: sha1 over `blob SIZE\0` and the bytes. */
async function checkGitHash(path: string, file: HubFile): Promise<void> {
  const hash = createHash('sha1').update(`blob ${(await stat(path)).size}\0`);
  for await (const piece of createReadStream(path)) hash.update(piece);
  const got = hash.digest('hex');
  if (got !== file.hash)
    throw new FormatError(`expected git hash ${file.hash}, got ${got}`, { file: file.path });
}

export async function hasSize(path: string, size: number): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile() && found.size === size,
    () => false,
  );
}
