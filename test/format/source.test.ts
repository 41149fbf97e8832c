import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { blobSource, bytesSource, type Source, urlSource } from '../../src/format/source.ts';
import { fileSource } from '../../src/node/file-source.ts';

const content = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);
const folder = mkdtempSync(join(tmpdir(), 'source-'));
const path = join(folder, 'file.bin');
writeFileSync(path, content);

/** Answers to GET requests by path; `rangeOf` is the asked [begin, end]. */
type Answer = (response: ServerResponse, begin: number, end: number, request: IncomingMessage) => void;

const sendPart: Answer = (response, begin, end) => {
  response.writeHead(206, { 'content-range': `bytes ${begin}-${end}/1000`, etag: '"1"' });
  response.end(content.subarray(begin, end + 1));
};
let numRequests = 0;
const answers: Record<string, Answer> = {
  '/good': sendPart,
  '/whole': (response) => response.writeHead(200, { 'content-length': 1000 }).end(content),
  '/endless': (response) => response.writeHead(200, { 'content-length': 2 ** 31 }).flushHeaders(),
  '/chunked': (response) => response.writeHead(200).end(content),
  '/missing': (response) => response.writeHead(404).end('no'),
  '/other-range': (response, begin, end) => {
    response.writeHead(206, { 'content-range': `bytes ${begin + 1}-${end + 1}/1000` });
    response.end(content.subarray(begin + 1, end + 2));
  },
  '/no-content-range': (response) => response.writeHead(206).end('x'),
  '/unknown-size': (response, begin, end) => {
    response.writeHead(206, { 'content-range': `bytes ${begin}-${end}/*` }).end('x');
  },
  '/short': (response, begin, end) => {
    if (begin === 0 && end === 0) return sendPart(response, 0, 0, undefined as never);
    response.writeHead(206, { 'content-range': `bytes ${begin}-${end}/1000`, etag: '"1"' });
    return response.end(content.subarray(begin, end));
  },
  '/long': (response, begin, end) => {
    if (begin === 0 && end === 0) return sendPart(response, 0, 0, undefined as never);
    response.writeHead(206, { 'content-range': `bytes ${begin}-${end}/1000`, etag: '"1"' });
    return response.end(content.subarray(begin, end + 3));
  },
  '/cut': (response, begin, end) => {
    if (begin === 0 && end === 0) return sendPart(response, 0, 0, undefined as never);
    const headers = { 'content-range': `bytes ${begin}-${end}/1000`, etag: '"1"', 'content-length': 100 };
    response.writeHead(206, headers).write(content.subarray(begin, begin + 5), () => response.destroy());
    return undefined;
  },
  '/changing': (response, begin, end) => {
    const headers = { 'content-range': `bytes ${begin}-${end}/1000`, etag: `"${numRequests++}"` };
    response.writeHead(206, headers).end(content.subarray(begin, end + 1));
  },
  '/secret': (response, begin, end, request) => {
    if (request.headers.authorization === 'Bearer t') return sendPart(response, begin, end, request);
    return response.writeHead(401).end();
  },
};
const server = createServer((request, response) => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  answers[request.url!](response, Number(range?.[1]), Number(range?.[2]), request);
});
let base = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const makers: [string, () => Promise<Source>][] = [
  ['bytesSource', async () => bytesSource('file.bin', content)],
  ['blobSource', async () => blobSource('file.bin', new Blob([content]))],
  ['fileSource', () => fileSource(path)],
  ['urlSource with ranges', () => urlSource(`${base}/good`)],
  ['urlSource of a server without ranges', () => urlSource(`${base}/whole`)],
];

describe.each(makers)('%s', (_, make) => {
  it('knows its 1000 bytes and reads any range of them', async () => {
    const source = await make();
    expect(source.size).toBe(1000);
    for (const [offset, length] of [
      [0, 1000],
      [0, 0],
      [1000, 0],
      [999, 1],
      [123, 456],
    ]) {
      expect(new Uint8Array(await source.read(offset, length))).toEqual(
        content.slice(offset, offset + length),
      );
    }
    await source.close?.();
  });

  it.each([
    [0, 1001],
    [1000, 1],
    [2 ** 53, 1],
    [-1, 2],
    [0, -1],
    [0.5, 1],
    [Number.NaN, 1],
  ])('refuses %d + %d with a FormatError that names the offset', async (offset, length) => {
    const source = await make();
    const error = await source.read(offset, length).catch((reason) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ file: source.name, offset });
    await source.close?.();
  });
});

describe('fileSource', () => {
  it('says that a file is missing, or is a folder', async () => {
    await expect(fileSource(join(folder, 'absent'))).rejects.toThrow(UnavailableError);
    await expect(fileSource(folder)).rejects.toThrow(/folder|EISDIR/);
  });

  it('notices that the file shrank', async () => {
    const shrinking = join(folder, 'shrinking.bin');
    writeFileSync(shrinking, content);
    const source = await fileSource(shrinking);
    truncateSync(shrinking, 500);
    await expect(source.read(400, 200)).rejects.toThrow(/expected 200 bytes here, got 100/);
    await source.close?.();
  });
});

describe('urlSource', () => {
  it.each([
    ['/missing', 'status 404'],
    ['/endless', '2147483648'],
    ['/chunked', 'unknown number'],
    ['/other-range', 'bytes 1-1/1000'],
    ['/no-content-range', 'no Content-Range'],
    ['/unknown-size', '0-0/*'],
    ['/secret', 'status 401'],
  ])('refuses to open %s: %s', async (url, message) => {
    await expect(urlSource(base + url)).rejects.toThrow(UnavailableError);
    await expect(urlSource(base + url)).rejects.toThrow(message);
  });

  it.each([
    ['/short', 'expected 100 bytes, got 99'],
    ['/long', 'expected 100 bytes, got 102'],
    ['/cut', 'expected 100 bytes, got 5 and then'],
    ['/changing', 'has changed'],
  ])('refuses a part from %s: %s', async (url, message) => {
    const source = await urlSource(base + url);
    await expect(source.read(10, 100)).rejects.toThrow(UnavailableError);
    await expect(source.read(10, 100)).rejects.toThrow(message);
  });

  it('sends the headers it was given, and names a server that is not there', async () => {
    const source = await urlSource(`${base}/secret`, { headers: { authorization: 'Bearer t' } });
    expect(await source.read(5, 2)).toEqual(content.slice(5, 7));
    await expect(urlSource('http://127.0.0.1:9/x')).rejects.toThrow(UnavailableError);
  });
});
