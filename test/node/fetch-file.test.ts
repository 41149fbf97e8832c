import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { fetchFile } from '../../src/node/fetch-file.ts';
import { serveBytes, startServer, type TestServer } from '../support/http-server.ts';

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) >> 3);
const sha256 = createHash('sha256').update(bytes).digest('hex');

let folder: string;
let server: TestServer;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smollm2-fetch-'));
  answer = (request, response) => serveBytes(request, response, bytes);
  server = await startServer((request, response) => answer(request, response));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const target = () => join(folder, 'model.gguf');
const fetchIt = (options = {}) => fetchFile(`${server.url}/model.gguf`, target(), { sha256, ...options });
const ranges = () => server.requests.map(({ headers }) => headers.range);

describe('fetchFile', () => {
  it('leaves the whole file under its name and nothing beside it', async () => {
    const progress: number[] = [];
    await fetchIt({ onProgress: (done: number) => progress.push(done) });
    expect((await readFile(target())).equals(bytes)).toBe(true);
    expect(await readdir(folder)).toEqual(['model.gguf']);
    expect(progress.at(-1)).toBe(bytes.length);
  });

  it('goes on by itself when the connection breaks after 100,000 bytes', async () => {
    answer = (request, response) =>
      serveBytes(request, response, bytes, { limit: server.requests.length === 1 ? 100_000 : undefined });
    await fetchIt();
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1].headers['if-range']).toBe('"one"');
    expect(Number(/^bytes=(\d+)-$/.exec(ranges()[1] ?? '')?.[1])).toBeGreaterThan(0);
    expect((await readFile(target())).equals(bytes)).toBe(true);
  });

  it('keeps what came when the server goes away, names nothing, and resumes at the next call', async () => {
    answer = (request, response) =>
      server.requests.length === 1
        ? serveBytes(request, response, bytes, { limit: 100_000 })
        : request.socket.destroy();
    await expect(fetchIt()).rejects.toThrow(UnavailableError);
    expect((await readdir(folder)).sort()).toEqual(['model.gguf.partial', 'model.gguf.partial.etag']);
    const { length } = await readFile(`${target()}.partial`);
    expect(length).toBeGreaterThan(0);

    answer = (request, response) => serveBytes(request, response, bytes);
    await fetchIt();
    expect(ranges().at(-1)).toBe(`bytes=${length}-`);
    expect((await readFile(target())).equals(bytes)).toBe(true);
    expect(await readdir(folder)).toEqual(['model.gguf']);
  });

  it('starts again when the file has changed on the server since', async () => {
    await writeFile(`${target()}.partial`, bytes.map((b) => b ^ 1).subarray(0, 5000));
    await writeFile(`${target()}.partial.etag`, '"another"');
    await fetchIt();
    expect(ranges()).toEqual(['bytes=5000-']);
    expect((await readFile(target())).equals(bytes)).toBe(true);
  });

  it('never believes half a file that says it goes on from the right place but does not', {
    tags: ['slow'],
  }, async () => {
    await writeFile(`${target()}.partial`, bytes.map((b) => b ^ 1).subarray(0, 5000));
    await writeFile(`${target()}.partial.etag`, '"one"');
    await expect(fetchIt()).rejects.toThrow(/sha256/);
    expect(await readdir(folder)).toEqual([]);
    await fetchIt();
    expect((await readFile(target())).equals(bytes)).toBe(true);
  });

  it('refuses a file with another hash and leaves nothing', async () => {
    const refusal = fetchIt({ sha256: '0'.repeat(64) });
    await expect(refusal).rejects.toThrow(FormatError);
    await expect(refusal).rejects.toThrow(sha256);
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives up a connection that is silent for 200 ms, and resumes it later', {
    tags: ['slow'],
  }, async () => {
    answer = (_, response) => {
      response.writeHead(200, { etag: '"one"', 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000));
    };
    await expect(fetchIt({ stallMs: 200 })).rejects.toThrow(/within 200 ms/);
    answer = (request, response) => serveBytes(request, response, bytes);
    await fetchIt();
    expect(ranges().at(-1)).toBe('bytes=1000-');
  });

  it('ends at the signal of the caller and keeps what came', async () => {
    const controller = new AbortController();
    answer = (_, response) => {
      response.writeHead(200, { etag: '"one"', 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000));
    };
    const onProgress = () => controller.abort();
    await expect(fetchIt({ signal: controller.signal, onProgress })).rejects.toThrow(/abort/i);
    expect(await readdir(folder)).toContain('model.gguf.partial');
  });

  it('takes over from a process that is gone, not from one that runs', async () => {
    const ofRunning = `${target()}.partial-${process.ppid}-a`;
    const ofGone = `${target()}.partial-999999999-b`;
    for (const path of [ofRunning, ofGone]) {
      await writeFile(path, bytes.subarray(0, path === ofGone ? 4000 : 2000));
      await writeFile(`${path}.etag`, '"one"');
    }
    await fetchIt();
    expect(ranges()).toEqual(['bytes=4000-']);
    expect((await readdir(folder)).sort()).toEqual(
      [
        'model.gguf',
        `model.gguf.partial-${process.ppid}-a`,
        `model.gguf.partial-${process.ppid}-a.etag`,
      ].sort(),
    );
  });

  it('lets two calls at once both end with the whole file', async () => {
    await Promise.all([fetchIt(), fetchIt()]);
    expect((await readFile(target())).equals(bytes)).toBe(true);
    expect(await readdir(folder)).toEqual(['model.gguf']);
  });

  it('does not name a file that the last look refuses', async () => {
    const check = async () => {
      throw new FormatError('not what was promised', { file: 'x' });
    };
    await expect(fetchIt({ check })).rejects.toThrow('not what was promised');
    expect(await readdir(folder)).not.toContain('model.gguf');
  });

  it('says that the disk is in the way: a folder that may not be written, a file where a folder should be', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, 'x');
    await expect(fetchFile(server.url, join(file, 'below'))).rejects.toThrow(
      /^.*below: expected a place to write to, got E(NOTDIR|EXIST)/,
    );
    await mkdir(join(folder, 'a-folder'));
    await expect(fetchFile(server.url, join(folder, 'a-folder'))).rejects.toThrow(
      /expected a place to write to, got E(ISDIR|NOTEMPTY)/,
    );
    await expect(fetchFile(server.url, join(folder, 'x'.repeat(300)))).rejects.toThrow(/ENAMETOOLONG/);
    expect((await readdir(folder)).sort()).toEqual([
      'a-file',
      'a-folder',
      'a-folder.partial',
      'a-folder.partial.etag',
    ]);
  });

  it('names the status of a server that refuses', async () => {
    answer = (_, response) => response.writeHead(404).end();
    await expect(fetchIt()).rejects.toThrow(/status 200, got 404/);
    expect(await readdir(folder)).toEqual([]);
  });
});
