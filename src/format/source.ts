// Where bytes come from: one interface of byte ranges over a buffer, a Blob or a URL, so that weights
// stream and a large file never sits in memory. The file on disk is src/node/file-source.ts; readers (gguf.ts,
// safetensors.ts) come next.

import { FormatError, UnavailableError } from '../base/errors.ts';

/** A run of bytes of known size. */
export interface Source {
  /** File name or URL, for messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** What was read is lost with the next read: see PartsOptions. */
  readonly isTransient?: boolean;
  /**
   * Exactly `length` bytes from `offset` on. The caller must not change them: they may be a view.
   *
   * @throws FormatError when the range is not inside the source
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** Fails unless [offset, offset + length) is inside the source. */
export function checkRange(source: { name: string; size: number }, offset: number, length: number): void {
  const isRange = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!isRange || offset + length > source.size) {
    throw new FormatError(`expected ${length} bytes here, got the end of the file at ${source.size}`, {
      file: source.name,
      offset,
    });
  }
}

/** A buffer in memory; reads are views of it. */
export function bytesSource(name: string, bytes: Uint8Array): Source {
  const source: Source = {
    name,
    size: bytes.length,
    read: async (offset, length) => {
      checkRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
  return source;
}

/** A Blob, such as a File that a visitor chose: read piece by piece. */
export function blobSource(name: string, blob: Blob): Source {
  const source: Source = {
    name,
    size: blob.size,
    read: async (offset, length) => {
      checkRange(source, offset, length);
      const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      if (bytes.length === length) return bytes;
      throw new FormatError(`expected ${length} bytes here, got ${bytes.length}`, { file: name, offset });
    },
  };
  return source;
}

export interface UrlSourceOptions {
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Sent with every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server without ranges sends the whole file: taken up to this size, a 1.7B in 4 bits. */
const MAX_WHOLE_BYTES = 2 ** 30;

/**
 * A file behind a URL, read with HTTP ranges. The first request asks for one byte to learn the size and
 * the tag; later ones must see the same tag. A server that knows no ranges and sends at most 1 GiB is
 * read whole, once.
 *
 * @throws UnavailableError when the server cannot be reached, refuses, or sends something else than was
 * asked for
 */
export async function urlSource(url: string, options: UrlSourceOptions = {}): Promise<Source> {
  const request = rangeRequest(url, options);
  const first = await request(0, 1);
  if (first.status === 200) return bytesSource(url, await readWhole(url, first));
  const { size } = await checkPart(url, first, 0, 1);
  const tag = first.headers.get('etag');
  const source: Source = {
    name: url,
    size,
    read: async (offset, length) => {
      checkRange(source, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await request(offset, length);
      const part = await checkPart(url, response, offset, length);
      if (part.size !== size || response.headers.get('etag') !== tag) {
        throw new UnavailableError(`${url}: the file has changed on the server; load it again`);
      }
      return part.bytes;
    },
  };
  return source;
}

type RangeRequest = (offset: number, length: number) => Promise<Response>;

function rangeRequest(url: string, options: UrlSourceOptions): RangeRequest {
  const fetchPart = options.fetch ?? fetch;
  return async (offset, length) => {
    const range = `bytes=${offset}-${offset + length - 1}`;
    let response: Response;
    try {
      response = await fetchPart(url, { headers: { ...options.headers, range } });
    } catch (cause) {
      throw new UnavailableError(`${url}: expected an answer, got ${messageOf(cause)}`);
    }
    if (response.status === 206 || (response.status === 200 && offset === 0)) return response;
    await response.body?.cancel();
    throw new UnavailableError(`${url}: expected bytes ${range.slice(6)}, got status ${response.status}`);
  };
}

/** Bytes of a partial answer, which must be the part that was asked for, and the size of the whole. */
async function checkPart(
  url: string,
  response: Response,
  offset: number,
  length: number,
): Promise<{ bytes: Uint8Array; size: number }> {
  const contentRange = response.headers.get('content-range') ?? 'no Content-Range';
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange);
  const isAsked = match && Number(match[1]) === offset && Number(match[2]) === offset + length - 1;
  if (response.status !== 206 || !isAsked || !Number.isSafeInteger(Number(match[3]))) {
    await response.body?.cancel();
    throw new UnavailableError(
      `${url}: expected bytes ${offset}-${offset + length - 1} of a known size, got ${contentRange} ` +
        `with status ${response.status}`,
    );
  }
  return { bytes: await readBody(url, response, length), size: Number(match[3]) };
}

async function readWhole(url: string, response: Response): Promise<Uint8Array> {
  const size = Number(response.headers.get('content-length') ?? Number.NaN);
  const isPlain = (response.headers.get('content-encoding') ?? 'identity') === 'identity';
  if (isPlain && size <= MAX_WHOLE_BYTES) return readBody(url, response, size);
  await response.body?.cancel();
  throw new UnavailableError(
    `${url}: expected a server with HTTP ranges or a file of at most ${MAX_WHOLE_BYTES} bytes, ` +
      `got ${Number.isNaN(size) ? 'an unknown number' : size} at once; download it and load it from disk`,
  );
}

/** The body, which must be `length` bytes long; a longer one is not read to its end. */
async function readBody(url: string, response: Response, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  try {
    const reader = response.body?.getReader();
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      if (at + read.value.length <= length) bytes.set(read.value, at);
      at += read.value.length;
      if (at > length) await reader?.cancel();
    }
  } catch (cause) {
    throw new UnavailableError(`${url}: expected ${length} bytes, got ${at} and then ${messageOf(cause)}`);
  }
  if (at !== length) throw new UnavailableError(`${url}: expected ${length} bytes, got ${at}`);
  return bytes;
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
