// A URL downloaded to a file on disk. The bytes gather beside the target and are renamed onto it only when
// they are whole and have the right hash; an interrupted download is found again and resumed.

import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FormatError, UnavailableError } from '../base/errors.ts';
import { type Downloaded, download, type Sink } from '../download/download.ts';
import type { Environment } from './hub-cache.ts';
import { proxyFetch } from './proxy-fetch.ts';
import { makeFolderOf, orDiskError } from './write-file.ts';

export interface FetchFileOptions {
  /** Lower-case hex. */
  readonly sha256?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Names the proxy; `process.env` by default. */
  readonly env?: Environment;
  readonly onProgress?: (bytesDone: number, bytesTotal: number | undefined) => void;
  /** A connection that sends nothing for so long is given up; 30 seconds by default. */
  readonly stallMs?: number;
  /** A last look at the whole file before it takes its name; throws to refuse it. */
  readonly check?: (path: string) => Promise<void>;
}

/**
 * Downloads `url` to `target`.
 *
 * @throws UnavailableError when the server cannot be reached or stalls; what came stays for the next try
 * @throws FormatError      when the bytes are not those that were promised; they are thrown away
 */
export async function fetchFile(
  url: string,
  target: string,
  options: FetchFileOptions = {},
): Promise<Downloaded> {
  const onDisk = orDiskError(target);
  makeFolderOf(target);
  const partial = await claimPartial(target).catch(onDisk);
  const sink = await FileSink.open(partial).catch(onDisk);
  let isDone = false;
  let isFull = false;
  try {
    const downloaded = await watched(url, sink, partial, options);
    await sink.close();
    await options.check?.(partial);
    await rename(partial, target);
    isDone = true;
    return downloaded;
  } catch (cause) {
    // What came so far would keep a full disk full.
    isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((cause as NodeJS.ErrnoException).code ?? '');
    // A whole file that was refused at the last look is not to be gone on with.
    if (cause instanceof FormatError) await sink.clear().catch(() => undefined);
    return onDisk(cause);
  } finally {
    await sink.close().catch(() => undefined);
    if (isDone || isFull || sink.size === 0) await removePartial(partial);
    else await renamePartial(partial, `${target}.partial`);
  }
}

/** The download under a clock that is wound up by every byte. */
async function watched(
  url: string,
  sink: FileSink,
  partial: string,
  options: FetchFileOptions,
): Promise<Downloaded> {
  const { stallMs = 30_000, signal, onProgress } = options;
  const stalled = new AbortController();
  let clock = setTimeout(() => stalled.abort(), stallMs);
  try {
    return await download(url, sink, {
      fetch: await proxyFetch(options.env),
      sha256: options.sha256,
      headers: options.headers,
      etag: await readFile(`${partial}.etag`, 'utf8').catch(() => undefined),
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
      onStart: async ({ etag }) => {
        await (etag ? writeFile(`${partial}.etag`, etag) : rm(`${partial}.etag`, { force: true }));
      },
      onProgress: (done, total) => {
        clearTimeout(clock);
        clock = setTimeout(() => stalled.abort(), stallMs);
        onProgress?.(done, total);
      },
    });
  } catch (cause) {
    if (!stalled.signal.aborted || signal?.aborted) throw cause;
    throw new UnavailableError(
      `${url}: expected the next bytes within ${stallMs} ms, got none; try again to resume`,
    );
  } finally {
    clearTimeout(clock);
  }
}

/** Takes over what an earlier try left, unless a running process is at it; renaming is what makes it ours. */
async function claimPartial(target: string): Promise<string> {
  const mine = `${target}.partial-${process.pid}-${randomUUID()}`;
  const prefix = `${basename(target)}.partial`;
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix) || name.endsWith('.etag')) continue;
    const owner = Number(/^-(\d+)-/.exec(name.slice(prefix.length))?.[1] ?? 0);
    if (owner && isRunning(owner)) continue;
    if (await renamePartial(join(dirname(target), name), mine)) break;
  }
  return mine;
}

async function renamePartial(from: string, to: string): Promise<boolean> {
  await rename(`${from}.etag`, `${to}.etag`).catch(() => rm(`${to}.etag`, { force: true }));
  return rename(from, to).then(
    () => true,
    () => false,
  );
}

async function removePartial(partial: string): Promise<void> {
  await Promise.all([rm(partial, { force: true }), rm(`${partial}.etag`, { force: true })]);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A file that grows at its end. */
class FileSink implements Sink {
  size: number;
  private readonly path: string;
  private readonly file: Awaited<ReturnType<typeof open>>;
  private isOpen = true;

  private constructor(path: string, file: Awaited<ReturnType<typeof open>>, size: number) {
    this.path = path;
    this.file = file;
    this.size = size;
  }

  static async open(path: string): Promise<FileSink> {
    const file = await open(path, 'a+');
    return new FileSink(path, file, (await stat(path)).size);
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.file.appendFile(bytes);
    this.size += bytes.length;
  }

  async clear(): Promise<void> {
    this.size = 0;
    if (this.isOpen) await this.file.truncate(0);
  }

  async *pieces(): AsyncIterable<Uint8Array> {
    const reader = await open(this.path, 'r');
    try {
      for await (const piece of reader.createReadStream({ autoClose: false, highWaterMark: 2 ** 20 }))
        yield piece;
    } finally {
      await reader.close();
    }
  }

  /** On disk, not only handed to the system: a power cut must not leave a named file with holes. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.file.sync().catch(() => undefined);
    await this.file.close();
  }
}
