// Weights kept in the browser: one file per URL in the origin's private file system (OPFS), or in the Cache API
// where there is none. A file counts as there only when its record says so, and the record is written last; Web Locks
// keep two tabs from writing one file. An interrupted download goes on where it stopped.

import { UnavailableError } from '../base/errors.ts';
import { sha256Text } from '../base/sha256.ts';
import { type Downloaded, type DownloadOptions, download } from '../download/download.ts';
import { forgetFile, openSink, readRecord, removeFile, storedFile, writeRecord } from './opfs.ts';

/** One model file in the browser's storage. */
export interface CachedWeights {
  readonly url: string;
  /** Bytes stored; fewer than the file has while it is not complete. */
  readonly size: number;
  readonly sha256?: string;
  readonly isComplete: boolean;
  readonly storage: 'opfs' | 'cache-api';
}

export type WeightsCacheOptions = Omit<DownloadOptions, 'etag' | 'onStart'>;

/** Name of the folder in OPFS, of the cache in the Cache API, and of the locks. */
const NAME = 'smollm2';

/**
 * The file behind a URL, from the browser's storage or downloaded into it.
 *
 * @param options.sha256 what the file must be; a stored file with another hash is downloaded again
 * @returns undefined where this browser has no storage to offer (private windows of some)
 * @throws UnavailableError when the server cannot be reached or the storage is full
 * @throws FormatError      when the bytes that came are not those of `sha256`
 */
export async function cachedWeights(
  url: string,
  options: WeightsCacheOptions = {},
): Promise<Blob | undefined> {
  const storage = await weightsStorage();
  if (!storage) return undefined;
  const key = sha256Text(url);
  return withLock(key, options.signal, () =>
    storage === 'opfs' ? fromOpfs(key, url, options) : fromCacheApi(url, options),
  );
}

/** Which storage this browser has: the file system, the Cache API, or none. */
export async function weightsStorage(): Promise<'opfs' | 'cache-api' | undefined> {
  const directory = await navigator.storage?.getDirectory?.().catch(() => undefined);
  if (directory) return 'opfs';
  return globalThis.caches && (await caches.open(NAME).catch(() => undefined)) ? 'cache-api' : undefined;
}

/** Every model file that is stored, complete or not. */
export async function listWeights(): Promise<CachedWeights[]> {
  const storage = await weightsStorage();
  if (storage === 'opfs') {
    const folder = await opfsFolder();
    const found: CachedWeights[] = [];
    for await (const name of folder.keys()) {
      const key = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
      const record = key && (await readRecord(folder, key));
      if (!key || !record) continue;
      const size = (await storedFile(folder, key))?.size ?? 0;
      found.push({ url: record.url, size, sha256: record.sha256, isComplete: record.isComplete, storage });
    }
    return found.sort((a, b) => (a.url < b.url ? -1 : 1));
  }
  if (storage !== 'cache-api') return [];
  const cache = await caches.open(NAME);
  const stored = (await cache.keys()).map(async ({ url }) => {
    const response = await cache.match(url);
    const size = Number(response?.headers.get('content-length') ?? 0);
    const sha256 = response?.headers.get('x-sha256') ?? undefined;
    return { url, size, sha256, isComplete: true, storage } as const;
  });
  return Promise.all(stored);
}

/** Removes one file from the browser's storage, or all of them. */
export async function deleteWeights(url?: string): Promise<void> {
  if (url === undefined) {
    for (const stored of await listWeights()) await deleteWeights(stored.url);
    return;
  }
  const storage = await weightsStorage();
  const key = sha256Text(url);
  await withLock(key, undefined, async () => {
    if (storage === 'opfs') await forgetFile(await opfsFolder(), key);
    if (storage === 'cache-api') await (await caches.open(NAME)).delete(url);
  });
}

/** Bytes that this origin uses and may use, and whether the browser promised not to clear them on its own. */
export async function storageQuota(): Promise<{ usage: number; quota: number; isPersistent: boolean }> {
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return { usage, quota, isPersistent: (await navigator.storage?.persisted?.()) ?? false };
}

async function opfsFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(NAME, { create: true });
}

/** One tab at a time; without Web Locks, the exclusive handle of the file itself refuses the second writer. */
async function withLock<T>(key: string, signal: AbortSignal | undefined, use: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(`${NAME}/${key}`, { signal }, use) : use();
}

async function fromOpfs(key: string, url: string, options: WeightsCacheOptions): Promise<Blob> {
  const folder = await opfsFolder();
  const record = await readRecord(folder, key);
  const stored = record?.url === url ? await storedFile(folder, key) : undefined;
  const isWanted = options.sha256 === undefined || record?.sha256 === options.sha256;
  if (stored && record?.isComplete && isWanted && stored.size === record.size) return stored;
  if (!record || record.isComplete) await removeFile(folder, key);

  const sink = await openSink(folder, key);
  try {
    const downloaded = await download(url, sink, {
      ...options,
      etag: record?.isComplete ? undefined : record?.etag,
      onStart: async ({ etag, size }) => {
        await checkRoom(url, size);
        await writeRecord(folder, key, { url, etag, isComplete: false });
      },
    });
    await sink.close();
    await writeRecord(folder, key, { url, ...downloaded, isComplete: true });
  } catch (cause) {
    await sink.close();
    if (isQuotaError(cause)) await forgetFile(folder, key);
    throw isQuotaError(cause) ? storageFull(url) : cause;
  }
  const file = await storedFile(folder, key);
  if (!file) throw new UnavailableError(`${url}: expected the stored file, but the browser removed it`);
  return file;
}

async function fromCacheApi(url: string, options: WeightsCacheOptions): Promise<Blob> {
  const cache = await caches.open(NAME);
  const stored = await cache.match(url);
  const isWanted = options.sha256 === undefined || stored?.headers.get('x-sha256') === options.sha256;
  if (stored && isWanted) return stored.blob();
  const pieces: Blob[] = [];
  const sink = {
    size: 0,
    append: async (bytes: Uint8Array) => {
      pieces.push(new Blob([bytes as Uint8Array<ArrayBuffer>])); // Blobs may lie on disk; buffers may not
      sink.size += bytes.length;
    },
    clear: async () => {
      pieces.length = 0;
      sink.size = 0;
    },
    async *pieces() {
      for (const piece of pieces) yield new Uint8Array(await piece.arrayBuffer());
    },
  };
  const { sha256 }: Downloaded = await download(url, sink, {
    ...options,
    onStart: ({ size }) => checkRoom(url, size),
  });
  const blob = new Blob(pieces);
  const headers = { 'content-length': String(blob.size), 'x-sha256': sha256 };
  await cache.put(url, new Response(blob, { headers })).catch((cause) => {
    throw isQuotaError(cause) ? storageFull(url) : cause;
  });
  return blob;
}

async function checkRoom(url: string, size: number | undefined): Promise<void> {
  const { usage, quota } = await storageQuota();
  if (size !== undefined && quota > 0 && usage + size > quota) throw storageFull(url, size, quota - usage);
}

function isQuotaError(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'QuotaExceededError';
}

function storageFull(url: string, size?: number, room?: number): UnavailableError {
  const got = room === undefined ? 'a full storage' : `room for ${megabytes(room)}`;
  const wanted = size === undefined ? 'room' : `room for ${megabytes(size)}`;
  return new UnavailableError(
    `${url}: expected ${wanted} in the browser's storage, got ${got}; ` +
      'free some with deleteWeights(), or load with { cache: false }',
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
