// Weights kept in the browser: one file per URL in the origin's private file system (OPFS), or in the Cache API
// where there is none. A file counts as there only when its record says so, and the record is written last; Web Locks
// keep two tabs from writing one file. An interrupted download goes on where it stopped.

import { UnavailableError } from '../base/errors.ts';
import { digest, hex, sha256Text } from '../base/sha256.ts';
import { type Downloaded, type DownloadOptions, download, type Sink } from '../download/download.ts';
import {
  forgetFile,
  openSink,
  readRecord,
  removeFile,
  type StoredRecord,
  storedFile,
  writeRecord,
} from './opfs.ts';

/** One model file in the browser's storage. */
export interface CachedWeights {
  readonly url: string;
  /** Bytes stored; fewer than the file has while it is not complete. */
  readonly size: number;
  readonly sha256?: string;
  readonly isComplete: boolean;
  readonly storage: 'opfs' | 'cache-api';
}

export interface WeightsCacheOptions extends Omit<DownloadOptions, 'etag' | 'onStart'> {
  /** Throws unless these bytes are what the URL should hold; a file that fails is not kept. */
  readonly check?: (file: Blob) => Promise<unknown>;
}

/** Name of the folder in OPFS, of the cache in the Cache API, and of the locks. */
const NAME = 'smollm2';

/** Bytes of a stored file that are hashed at a time. */
const HASHED_BYTES = 2 ** 22;

/**
 * The file behind a URL, from the browser's storage or downloaded into it. What is stored and is not what it was, or
 * does not pass `check`, is dropped and downloaded once more.
 *
 * @param options.sha256 what the file must be; a stored file with another hash is downloaded again
 * @returns undefined where this browser has no storage to offer (private windows of some)
 * @throws UnavailableError when the server cannot be reached or the storage is full
 * @throws FormatError      when the bytes that came are not those of `sha256`, or do not pass `check`
 */
export async function cachedWeights(
  url: string,
  options: WeightsCacheOptions = {},
): Promise<Blob | undefined> {
  const key = await sha256Text(url);
  return withLock(key, options.signal, async () => {
    const directory = await navigator.storage?.getDirectory?.().catch(() => undefined);
    try {
      if (directory) return await fromOpfs(key, url, options);
    } catch (cause) {
      // A file system that exists but cannot be written (some builds of WebKit): the Cache API, then no storage.
      if (!isUnwritable(cause)) throw cause;
    }
    const cache = await globalThis.caches?.open(NAME).catch(() => undefined);
    return cache && fromCacheApi(cache, url, options);
  });
}

/** Which storages this browser has: the file system, the Cache API, both or none. */
async function weightsStorages(): Promise<{ folder?: FileSystemDirectoryHandle; cache?: Cache }> {
  return {
    folder: await opfsFolder().catch(() => undefined),
    cache: await globalThis.caches?.open(NAME).catch(() => undefined),
  };
}

/** Every model file that is stored, complete or not. */
export async function listWeights(): Promise<CachedWeights[]> {
  const { folder, cache } = await weightsStorages();
  const found: CachedWeights[] = [];
  for await (const name of folder?.keys() ?? []) {
    const key = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    const record = folder && key && (await readRecord(folder, key));
    if (!key || !record) continue;
    const size = (await storedFile(folder, key))?.size ?? 0;
    const { url, sha256, isComplete } = record;
    found.push({ url, size, sha256, isComplete, storage: 'opfs' });
  }
  for (const { url } of (await cache?.keys()) ?? []) {
    const response = await cache?.match(url);
    const size = Number(response?.headers.get('content-length') ?? 0);
    const sha256 = response?.headers.get('x-sha256') ?? undefined;
    found.push({ url, size, sha256, isComplete: true, storage: 'cache-api' });
  }
  return found.sort((a, b) => (a.url < b.url ? -1 : 1));
}

/** Removes one file from the browser's storage, by the address that `load` took, or all of them. */
export async function deleteWeights(url?: string): Promise<void> {
  if (url === undefined) {
    for (const stored of await listWeights()) await deleteWeights(stored.url);
    return;
  }
  const address = new URL(url, globalThis.location?.href).href;
  const key = await sha256Text(address);
  await withLock(key, undefined, async () => {
    const { folder, cache } = await weightsStorages();
    if (folder) await forgetFile(folder, key);
    await cache?.delete(address);
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
  if (stored && record?.isComplete && (await isAsRecorded(stored, record, options))) return stored;
  if (!record || record.isComplete) await removeFile(folder, key);

  const sink = await openSink(folder, key);
  let downloaded: Downloaded;
  try {
    downloaded = await download(url, sink, {
      ...options,
      etag: record?.isComplete ? undefined : record?.etag,
      onStart: async ({ etag, size }) => {
        await checkRoom(url, size);
        await writeRecord(folder, key, { url, etag, isComplete: false });
      },
    });
    await sink.close();
  } catch (cause) {
    await sink.close();
    if (isQuotaError(cause)) await forgetFile(folder, key);
    throw isQuotaError(cause) ? storageFull(url) : withCorsHint(url, cause);
  }
  const file = await storedFile(folder, key);
  if (!file) throw new UnavailableError(`${url}: expected the stored file, but the browser removed it`);
  try {
    await options.check?.(file);
  } catch (cause) {
    await forgetFile(folder, key);
    throw cause;
  }
  await writeRecord(folder, key, {
    url,
    ...downloaded,
    isComplete: true,
    piecesHash: await piecesHash(file),
  });
  return file;
}

/** The stored bytes are those that were downloaded. */
async function isAsRecorded(
  file: File,
  record: StoredRecord,
  { sha256, check }: WeightsCacheOptions,
): Promise<boolean> {
  if (file.size !== record.size) return false;
  if (sha256 !== undefined && record.sha256 !== sha256) return false;
  return (await piecesHash(file)) === record.piecesHash && passes(file, check);
}

async function passes(file: Blob, check: WeightsCacheOptions['check']): Promise<boolean> {
  try {
    await check?.(file);
    return true;
  } catch {
    return false;
  }
}

/**
 * sha256 over the sha256 of each piece: the platform's own hash takes whole buffers only, and is ten times as fast
 * as one in JavaScript. Nothing in a browser says when stored bytes were written (Chromium leaves `lastModified` as it
 * was), so every load asks.
 */
async function piecesHash(blob: Blob): Promise<string> {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < blob.size; at += HASHED_BYTES) {
    hashes.push(await digest(new Uint8Array(await blob.slice(at, at + HASHED_BYTES).arrayBuffer())));
  }
  return hex(await digest(Uint8Array.from(hashes.flatMap((hash) => [...hash]))));
}

async function fromCacheApi(cache: Cache, url: string, options: WeightsCacheOptions): Promise<Blob> {
  const stored = await cache.match(url);
  if (stored) {
    const isWanted = options.sha256 === undefined || stored.headers.get('x-sha256') === options.sha256;
    const blob = await stored.blob();
    const isSame = isWanted && (await piecesHash(blob)) === stored.headers.get('x-pieces');
    if (isSame && (await passes(blob, options.check))) return blob;
    await cache.delete(url);
  }
  const sink = new BlobSink();
  const { sha256: got } = await download(url, sink, {
    ...options,
    onStart: ({ size }) => checkRoom(url, size),
  }).catch((cause) => {
    throw withCorsHint(url, cause);
  });
  const blob = sink.blob();
  await options.check?.(blob);
  const pieces = await piecesHash(blob);
  const headers = { 'content-length': String(blob.size), 'x-sha256': got, 'x-pieces': pieces };
  await cache.put(url, new Response(blob, { headers })).catch((cause) => {
    throw isQuotaError(cause) ? storageFull(url) : cause;
  });
  return blob;
}

/** Bytes as a Blob of pieces: Blobs may lie on disk, buffers may not. */
class BlobSink implements Sink {
  size = 0;
  private readonly parts: Blob[] = [];

  async append(bytes: Uint8Array): Promise<void> {
    this.parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
    this.size += bytes.length;
  }

  async clear(): Promise<void> {
    this.parts.length = 0;
    this.size = 0;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    for (const part of this.parts) yield new Uint8Array(await part.arrayBuffer());
  }

  blob(): Blob {
    return new Blob(this.parts);
  }
}

async function checkRoom(url: string, size: number | undefined): Promise<void> {
  const { usage, quota } = await storageQuota();
  if (size !== undefined && quota > 0 && usage + size > quota) throw storageFull(url, size, quota - usage);
}

/** Errors of a file system that is there but takes no bytes; a file in use by another tab is not one of them. */
function isUnwritable(cause: unknown): boolean {
  const { name, message } = cause as Error;
  if (/^(NotSupportedError|NotAllowedError|SecurityError|UnknownError|InvalidStateError)$/.test(name))
    return true;
  return name === 'TypeError' && /createWritable|is not a function/.test(message);
}

/** A page is told nothing of why another origin's answer was kept from it. */
function withCorsHint(url: string, cause: unknown): unknown {
  const isForeign = globalThis.location && new URL(url).origin !== globalThis.location.origin;
  if (!isForeign || !(cause instanceof UnavailableError) || !/0 bytes and then/.test(cause.message))
    return cause;
  return new UnavailableError(
    `${cause.message}; the address is of another origin: its server must send Access-Control-Allow-Origin`,
  );
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
