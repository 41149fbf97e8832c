import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { download, type Sink } from '../../src/download/download.ts';

const FILE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 9)) & 255);
const SHA256 = createHash('sha256').update(FILE).digest('hex');

class MemorySink implements Sink {
  bytes = new Uint8Array(0);
  get size() {
    return this.bytes.length;
  }
  async append(piece: Uint8Array) {
    const grown = new Uint8Array(this.size + piece.length);
    grown.set(this.bytes);
    grown.set(piece, this.size);
    this.bytes = grown;
  }
  async clear() {
    this.bytes = new Uint8Array(0);
  }
  async *pieces() {
    yield this.bytes;
  }
}

interface Behaviour {
  /** Bytes after which the connection is cut, one entry per request; whole when absent. */
  cutAfter?: (number | undefined)[];
  etag?: string | (() => string);
  ignoresRange?: boolean;
  /** Sends the part that was asked for, whatever file it is of. */
  ignoresIfRange?: boolean;
  /** Keeps the connection open after the cut, and sends nothing more. */
  stalls?: boolean;
  status?: number;
  body?: Uint8Array;
}

let server: Server | undefined;
const requests: { range?: string; ifRange?: string }[] = [];

/** A server of FILE with ranges, If-Range and the given faults. */
async function serve(behaviour: Behaviour = {}): Promise<string> {
  requests.length = 0;
  server = createServer((request, response) => answer(request, response, behaviour));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
}

function answer(request: IncomingMessage, response: ServerResponse, behaviour: Behaviour): void {
  const { range, 'if-range': ifRange } = request.headers as { range?: string; 'if-range'?: string };
  const cut = behaviour.cutAfter?.[requests.length];
  requests.push({ range, ifRange });
  const etag = typeof behaviour.etag === 'function' ? behaviour.etag() : (behaviour.etag ?? '"v1"');
  const body = behaviour.body ?? FILE;
  const begin = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const isSame = behaviour.ignoresIfRange || ifRange === etag;
  const isPart = begin > 0 && !behaviour.ignoresRange && isSame;
  if (behaviour.status) return void response.writeHead(behaviour.status).end();
  if (isPart && begin >= body.length) {
    return void response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
  }
  const piece = body.subarray(isPart ? begin : 0);
  const headers: Record<string, string | number> = { 'content-length': piece.length };
  if (etag) headers.etag = etag;
  if (isPart) headers['content-range'] = `bytes ${begin}-${body.length - 1}/${body.length}`;
  response.writeHead(isPart ? 206 : 200, headers);
  if (cut === undefined) return void response.end(piece);
  response.write(piece.subarray(0, cut), () => !behaviour.stalls && setTimeout(() => response.destroy(), 20));
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('download', () => {
  it('begins anew when the rest that comes is of another file, though the server ignores If-Range', {
    tags: ['slow'],
  }, async () => {
    const sink = new MemorySink();
    let tags = 0;
    const url = await serve({ cutAfter: [100_000], etag: () => `"v${++tags}"`, ignoresIfRange: true });
    const done = await download(url, sink, { sha256: SHA256 });
    expect(done).toEqual({ size: FILE.length, sha256: SHA256, etag: '"v3"' });
    expect(requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  it('takes a server that stops sending for a broken connection, and goes on from there', {
    tags: ['slow'],
  }, async () => {
    const sink = new MemorySink();
    const url = await serve({ cutAfter: [100_000], stalls: true });
    const done = await download(url, sink, { stallMs: 200 });
    expect(done.sha256).toBe(SHA256);
    expect(requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-']);
  });

  it('brings 300,000 bytes with their hash and reports the last byte', async () => {
    const sink = new MemorySink();
    const seen: number[] = [];
    const url = await serve();
    const done = await download(url, sink, { sha256: SHA256, onProgress: (bytes) => seen.push(bytes) });
    expect(done).toEqual({ size: FILE.length, sha256: SHA256, etag: '"v1"' });
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
    expect(seen.at(-1)).toBe(FILE.length);
  });

  it('goes on after three cuts with Range and If-Range, without a byte fetched twice', async () => {
    const sink = new MemorySink();
    const url = await serve({ cutAfter: [100_000, 50_000, 50_000] });
    await download(url, sink, { sha256: SHA256 });
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
    expect(requests).toEqual([
      {},
      { range: 'bytes=100000-', ifRange: '"v1"' },
      { range: 'bytes=150000-', ifRange: '"v1"' },
      { range: 'bytes=200000-', ifRange: '"v1"' },
    ]);
  });

  it('resumes what an earlier visit left, and hashes those bytes too', async () => {
    const sink = new MemorySink();
    sink.bytes = FILE.slice(0, 120_000);
    await download(await serve(), sink, { etag: '"v1"', sha256: SHA256 });
    expect(requests).toEqual([{ range: 'bytes=120000-', ifRange: '"v1"' }]);
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
  });

  it('takes a sink that was full already when the server says that nothing is left', async () => {
    const sink = new MemorySink();
    sink.bytes = FILE.slice();
    const done = await download(await serve(), sink, { etag: '"v1"', sha256: SHA256 });
    expect(done.size).toBe(FILE.length);
    expect(requests).toHaveLength(1);
  });

  it('starts over when the file on the server has changed', async () => {
    const sink = new MemorySink();
    sink.bytes = new Uint8Array(120_000).fill(9);
    await download(await serve({ etag: '"v2"' }), sink, { etag: '"v1"', sha256: SHA256 });
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
  });

  it('starts over when the server knows no ranges', async () => {
    const sink = new MemorySink();
    const url = await serve({ ignoresRange: true, cutAfter: [100_000] });
    await download(url, sink, { sha256: SHA256 });
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
  });

  it('starts over when there was no tag to resume by', async () => {
    const sink = new MemorySink();
    const url = await serve({ etag: '', cutAfter: [100_000] });
    await download(url, sink, { sha256: SHA256 });
    expect(requests).toEqual([{}, {}]);
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
  });

  it('refuses bytes with another hash and empties the sink', async () => {
    const sink = new MemorySink();
    const body = FILE.slice();
    body[150_000] ^= 1;
    const url = await serve({ body });
    await expect(download(url, sink, { sha256: SHA256 })).rejects.toThrow(FormatError);
    expect(sink.size).toBe(0);
  });

  it('gives up after three connections without a byte, keeps what came, and goes on when asked again', {
    tags: ['slow'],
  }, async () => {
    const sink = new MemorySink();
    const behaviour: Behaviour = { cutAfter: [100_000, 0, 0, 0] };
    const url = await serve(behaviour);
    await expect(download(url, sink, { sha256: SHA256 })).rejects.toThrow(UnavailableError);
    expect(sink.size).toBe(100_000);
    await download(url, sink, { etag: '"v1"', sha256: SHA256 });
    expect(Buffer.compare(sink.bytes, FILE)).toBe(0);
    expect(requests.at(-1)).toEqual({ range: 'bytes=100000-', ifRange: '"v1"' });
  });

  it('names the status of a server that refuses, after one request', async () => {
    const url = await serve({ status: 404 });
    await expect(download(url, new MemorySink())).rejects.toThrow('expected status 200, got 404');
    expect(requests).toHaveLength(1);
  });

  it('names a server that cannot be reached', async () => {
    const url = await serve();
    server!.close();
    server!.closeAllConnections();
    await expect(download(url, new MemorySink())).rejects.toThrow(UnavailableError);
  });

  it('stops when its signal fires, and leaves the bytes that came', async () => {
    const sink = new MemorySink();
    const controller = new AbortController();
    const url = await serve();
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    await expect(download(url, sink, options)).rejects.toThrow(/abort/i);
    expect(sink.size).toBeGreaterThan(0);
    expect(sink.size).toBeLessThan(FILE.length);
  });

  it('passes on what the sink throws: a full disk is not a broken connection', async () => {
    const sink = new MemorySink();
    sink.append = async () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    await expect(download(await serve(), sink)).rejects.toThrow('full');
    expect(requests).toHaveLength(1);
  });
});
