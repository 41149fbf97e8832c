// A file fetched once, whole, and checked: bytes stream into a sink, a broken connection resumes by Range and
// If-Range, and what does not have the size and sha256 that was promised is refused. weights-cache.ts keeps the bytes.

import { FormatError, UnavailableError } from '../base/errors.ts';
import { type Hash, hex, startHash } from '../base/sha256.ts';
import { withoutPassword } from '../base/shown.ts';

/** Where the bytes go: something that grows at its end and can be read back. */
export interface Sink {
  /** Bytes written so far. */
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Forgets everything written. */
  clear(): Promise<void>;
  /** The bytes written so far, piece by piece, for the hash of a resumed download. */
  pieces(): AsyncIterable<Uint8Array>;
}

export interface DownloadOptions {
  /** Lower-case hex; without it the file is only checked for its length. */
  readonly sha256?: string;
  /** ETag that the bytes already in the sink were served with; without one they cannot be resumed. */
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** A connection that sends nothing for so many milliseconds counts as broken; a minute by default. */
  readonly stallMs?: number;
  readonly onProgress?: (bytesDone: number, bytesTotal: number | undefined) => void;
  /** Called once, before the first byte is written, with what the server promises. */
  readonly onStart?: (promise: { etag?: string; size?: number }) => Promise<void>;
}

export interface Downloaded {
  readonly size: number;
  readonly sha256: string;
  readonly etag?: string;
}

/** The file is there, and its owner wants to be asked first. */
export class AccessError extends UnavailableError {}

/** Connections that may break without a byte of progress before the download gives up. */
const MAX_IDLE_TRIES = 3;

/** How long a server may send nothing in the middle of a file. */
const STALL_MS = 60_000;

/** The largest file taken: the 1.7B in float32 with room. */
const MAX_FILE_BYTES = 2 ** 33;

/**
 * Downloads `url` into `sink`, going on where the sink ends if the server still has the same file.
 *
 * @throws UnavailableError when the connection keeps breaking; what came so far stays in the sink
 * @throws FormatError      when the bytes are not the promised ones; the sink is then empty
 */
export async function download(url: string, sink: Sink, options: DownloadOptions = {}): Promise<Downloaded> {
  let etag = options.etag;
  if (sink.size > 0 && !etag) await sink.clear();
  let hash = await hashOf(sink);
  for (let idleTries = 0; ; ) {
    const sizeBefore = sink.size;
    try {
      const reply = await request(url, sink.size, etag, options);
      if (reply.offset === 0 && sink.size > 0) {
        await sink.clear();
        hash = await startHash();
      }
      if (sink.size === 0) await options.onStart?.({ etag: reply.etag, size: reply.size });
      etag = reply.etag;
      await pump(url, reply, sink, hash, options);
      return await checked(url, sink, hash, options.sha256, etag);
    } catch (cause) {
      if (!(cause instanceof Broken)) throw cause;
      idleTries = sink.size > sizeBefore ? 0 : idleTries + 1;
      if (idleTries >= MAX_IDLE_TRIES) {
        throw new UnavailableError(
          `${withoutPassword(url)}: expected the whole file, got ${sink.size} bytes and then ${cause.message}; ` +
            'try again to go on from there',
        );
      }
      if (!etag) {
        await sink.clear();
        hash = await startHash();
      }
    }
  }
}

/** The connection broke: worth another try, unlike a refusal. */
class Broken extends Error {}

interface Reply {
  /** Where in the file the body begins. */
  readonly offset: number;
  readonly size: number | undefined;
  readonly etag: string | undefined;
  readonly body: ReadableStream<Uint8Array>;
}

async function request(
  url: string,
  offset: number,
  etag: string | undefined,
  options: DownloadOptions,
): Promise<Reply> {
  const headers: Record<string, string> = { ...options.headers };
  if (offset > 0 && etag) Object.assign(headers, { range: `bytes=${offset}-`, 'if-range': etag });
  const response = await (options.fetch ?? fetch)(url, { headers, signal: options.signal }).catch((cause) => {
    if (options.signal?.aborted) throw cause;
    throw new Broken(messageOf(cause));
  });
  if (response.status === 416 && offset > 0) {
    await response.body?.cancel();
    const isWhole = response.headers.get('content-range') === `bytes */${offset}`;
    if (!isWhole) return request(url, 0, undefined, options);
    return { offset, size: offset, etag, body: new Blob([]).stream() };
  }
  const { status } = response;
  if (status >= 500 || status === 429) {
    await response.body?.cancel();
    throw new Broken(`status ${status}`);
  }
  if ((status !== 200 && status !== 206) || !response.body) {
    await response.body?.cancel();
    const address = withoutPassword(url);
    if (response.headers.get('x-error-code') !== 'GatedRepo') {
      throw new UnavailableError(`${address}: expected status 200, got ${status}`);
    }
    throw new AccessError(
      `${address}: expected access, got status ${status}: the model is gated; ` +
        'ask for access on its page and set HF_TOKEN',
    );
  }
  const tag = strongTag(response);
  if (status === 206 && tag !== etag) {
    // A server that ignores If-Range has sent the rest of another file.
    await response.body.cancel();
    return request(url, 0, undefined, options);
  }
  const size = status === 206 ? sizeOfRange(url, response, offset) : lengthOf(response);
  if (size !== undefined && size > MAX_FILE_BYTES) {
    await response.body.cancel();
    throw new UnavailableError(`${url}: expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
  }
  return { offset: status === 206 ? offset : 0, size, etag: tag, body: response.body };
}

function strongTag(response: Response): string | undefined {
  const tag = response.headers.get('etag');
  return tag && !tag.startsWith('W/') ? tag : undefined;
}

function lengthOf(response: Response): number | undefined {
  const isPlain = (response.headers.get('content-encoding') ?? 'identity') === 'identity';
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  return isPlain && Number.isSafeInteger(length) ? length : undefined;
}

function sizeOfRange(url: string, response: Response, offset: number): number {
  const contentRange = response.headers.get('content-range') ?? 'none';
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange);
  if (!match || Number(match[1]) !== offset) {
    throw new UnavailableError(`${url}: expected Content-Range from byte ${offset}, got ${contentRange}`);
  }
  return Number(match[2]);
}

async function pump(
  url: string,
  reply: Reply,
  sink: Sink,
  hash: Hash,
  options: DownloadOptions,
): Promise<void> {
  const limit = reply.size ?? MAX_FILE_BYTES;
  const reader = reply.body.getReader();
  for (;;) {
    const piece = await withinStall(reader, options.stallMs ?? STALL_MS).catch((cause) => {
      if (options.signal?.aborted) throw cause;
      throw new Broken(messageOf(cause));
    });
    if (piece.done) break;
    if (sink.size + piece.value.length > limit) {
      await reader.cancel();
      await sink.clear();
      throw new FormatError(`expected ${limit} bytes, got more`, { file: url, offset: limit });
    }
    try {
      await sink.append(piece.value);
    } catch (cause) {
      await reader.cancel().catch(() => undefined);
      throw cause;
    }
    hash.update(piece.value);
    options.onProgress?.(sink.size, reply.size);
  }
  if (reply.size !== undefined && sink.size < reply.size) throw new Broken('the end of the connection');
}

/** The next piece; a connection that sends nothing for so long counts as broken. */
async function withinStall(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  stallMs: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`nothing for ${stallMs / 1000} s`));
      reader.cancel().catch(() => undefined);
    }, stallMs);
  });
  return Promise.race([reader.read(), stalled]).finally(() => clearTimeout(timer));
}

async function checked(
  url: string,
  sink: Sink,
  hash: Hash,
  promised: string | undefined,
  etag: string | undefined,
): Promise<Downloaded> {
  const got = hex(hash.digest());
  if (promised !== undefined && got !== promised) {
    await sink.clear();
    throw new FormatError(`expected sha256 ${promised}, got ${got}; the download was thrown away`, {
      file: url,
    });
  }
  return { size: sink.size, sha256: got, etag };
}

async function hashOf(sink: Sink) {
  const hash = await startHash();
  if (sink.size > 0) for await (const piece of sink.pieces()) hash.update(piece);
  return hash;
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
