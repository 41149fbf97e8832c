// Bytes in and out of files, compressed or not. What a file is compressed with is read from its first bytes, so a
// misnamed file and stdin work too.

import { randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
  type ReadStream,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { FormatError, UnavailableError, UnsupportedError } from '../../base/errors.ts';
import { diskError } from '../write-file.ts';

const PIECE_BYTES = 1 << 18;

/** Counts the bytes of files as they are read, compressed as they are: how far a run is. */
export interface ReadProgress {
  bytes: number;
}

/**
 * The decompressed bytes of a file, or of stdin for `-`.
 *
 * @throws UnavailableError when it cannot be read, FormatError when its compression breaks off or is wrong
 */
export async function* bytesOf(file: string, progress: ReadProgress): AsyncGenerator<Uint8Array> {
  const raw = counted(file, progress);
  const first = await raw.next();
  if (first.done) return;
  const whole = joined(first.value, raw);
  const [a, b, c, d] = first.value;
  if (a === 0x1f && b === 0x8b) yield* gunzipped(whole, file);
  else if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) yield* unzstd(whole, file);
  else yield* whole;
}

async function* counted(file: string, progress: ReadProgress): AsyncGenerator<Uint8Array> {
  const stream = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: PIECE_BYTES });
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      progress.bytes += piece.length;
      yield piece;
    }
  } catch (error) {
    throw new UnavailableError(`${file}: expected a file that can be read, got ${(error as Error).message}`);
  } finally {
    if (file !== '-') (stream as ReadStream).destroy();
  }
}

/** Pieces of at least four bytes at the start, so that the format can be told. */
async function* joined(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* gunzipped(pieces: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  const gunzip = zlib.createGunzip({ chunkSize: PIECE_BYTES });
  let readError: unknown;
  const feeding = pipeline(pieces, gunzip).catch((error) => {
    readError = error;
  });
  try {
    for await (const piece of gunzip as AsyncIterable<Uint8Array>) yield piece;
    await feeding;
    if (readError) throw readError;
  } catch (error) {
    if (readError instanceof UnavailableError) throw readError;
    throw new FormatError(`expected whole gzip members, got ${(error as Error).message}`, { file });
  }
}

/** fzstd works in place: no thread, and the same on every Node. */
async function* unzstd(pieces: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const decompress = new Decompress((piece) => ready.push(piece.slice()));
  try {
    for await (const piece of pieces) {
      decompress.push(piece);
      yield* ready;
      ready = [];
    }
    decompress.push(new Uint8Array(0), true);
    yield* ready;
  } catch (error) {
    throw new FormatError(`expected whole zstd frames, got ${(error as Error).message}`, { file });
  }
}

/** A file that grows beside its place, and has its name when it is whole. Compressed by what its name ends in. */
export class OutputFile {
  readonly path: string;
  private readonly partial: string;
  private readonly head: Writable;
  private readonly done: Promise<void>;
  private failure: unknown;

  constructor(path: string) {
    this.path = path;
    this.partial = newPartial(path);
    // Opened now: a stream opens later, and would make the file anew that another process has taken away.
    const file = createWriteStream(this.partial, { fd: openSync(this.partial, 'r+') });
    const zip = compressorFor(path);
    this.head = zip ?? file;
    this.done = (zip ? pipeline(zip, file) : ended(file)).catch((error) => {
      this.failure = diskError(path, error);
    });
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.head.write(bytes)) return;
    await new Promise<void>((resolve) => {
      // Both go, or every full buffer of a long run would leave a listener behind.
      const go = () => {
        this.head.off('drain', go).off('close', go);
        resolve();
      };
      this.head.on('drain', go).on('close', go);
    });
  }

  async close(): Promise<void> {
    this.head.end();
    await this.done;
    if (this.failure) throw this.failure;
    checkPartial(this.partial, this.path);
    await rename(this.partial, this.path);
  }
}

/**
 * A file to write under that no other process uses. What a process left that was killed goes; one that is still
 * writing the same file finds its own gone, and fails: whoever began last is whole.
 */
export function newPartial(path: string): string {
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.partial')) {
      rmSync(join(dirname(path), name), { force: true });
    }
  }
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`;
  writeFileSync(partial, '');
  return partial;
}

/** @throws UnavailableError when another process began the same file after this one */
export function checkPartial(partial: string, path: string): void {
  if (existsSync(partial)) return;
  throw new UnavailableError(
    `${path}: expected one process to write it, got another that began later; start each rank once`,
  );
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => stream.once('finish', resolve).once('error', reject));
}

function compressorFor(path: string): zlib.Gzip | undefined {
  if (path.endsWith('.gz')) return zlib.createGzip({ level: 6 });
  if (!path.endsWith('.zst')) return undefined;
  const { createZstdCompress } = zlib as typeof zlib & { createZstdCompress?: () => zlib.Gzip };
  if (createZstdCompress) return createZstdCompress();
  throw new UnsupportedError('zstd: expected Node 22.15 or later for writing it, got an older one; use .gz');
}
