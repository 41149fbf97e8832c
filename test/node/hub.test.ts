import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import type { HubRequest } from '../../src/download/model-names.ts';
import { checkedWeights } from '../../src/node/cached-models.ts';
import { findWeights } from '../../src/node/find-weights.ts';
import { fetchFromHub, findInHubCache } from '../../src/node/hub.ts';
import { hubCacheFolder } from '../../src/node/hub-cache.ts';
import { serveBytes, startServer, type TestServer } from '../support/http-server.ts';

const COMMIT = 'c0ffee'.repeat(7).slice(0, 40);
const utf8 = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** A hub with one repository; files of 64 bytes and more are large ones, as LFS has them. */
let files: Record<string, Uint8Array>;
let promised: Record<string, string>;
let status: number | 'silent';
let isGated: boolean;
/** Files are sent from here, as large files of the hub are. */
let elsewhereUrl: string | undefined;
let server: TestServer;
let home: string;
const request: HubRequest = { kind: 'hub', repo: 'org/name', revision: 'main' };
const env = () => ({
  HF_HOME: home,
  SMOLLM2_CACHE: join(home, 'own'),
  HF_ENDPOINT: server.url,
  HF_TOKEN: 'hf_secret',
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'smollm2-hub-'));
  files = {};
  promised = {};
  status = 200;
  isGated = false;
  elsewhereUrl = undefined;
  server = await startServer((incoming, response) => {
    if (status === 'silent') return;
    if (status !== 200) return response.writeHead(status).end('{}');
    const { pathname } = new URL(incoming.url ?? '', 'http://host');
    const json = (value: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (pathname === '/api/models/org/name/revision/main') return json({ id: 'org/name', sha: COMMIT });
    if (pathname === `/api/models/org/name/tree/${COMMIT}`) {
      return json(
        Object.entries(files).map(([path, bytes]) => ({
          type: 'file',
          path,
          size: bytes.length,
          oid: promised[path] ?? gitHash(bytes),
          ...(bytes.length >= 64 && {
            lfs: { oid: promised[path] ?? sha256(bytes), size: bytes.length, pointerSize: 9 },
          }),
        })),
      );
    }
    const bytes = files[pathname.replace(`/org/name/resolve/${COMMIT}/`, '')];
    if (isGated) return response.writeHead(403, { 'x-error-code': 'GatedRepo' }).end();
    if (elsewhereUrl) return response.writeHead(302, { location: elsewhereUrl }).end();
    if (bytes) return serveBytes(incoming, response, bytes);
    response.writeHead(404).end();
  });
});

afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

const gguf = new Uint8Array(5000).map((_, i) => i);
const repoPath = (...parts: string[]) => join(home, 'hub', 'models--org--name', ...parts);

describe('fetchFromHub', () => {
  it('puts a GGUF file where the Python tools look for it, and finds it there without the network', {
    tags: ['slow'],
  }, async () => {
    files = { 'm-Q4_0.gguf': gguf, 'm-Q8_0.gguf': new Uint8Array(70), 'README.md': utf8('hello') };
    const found = await fetchFromHub({ ...request, file: 'q4_0' }, { env: env() });
    expect(found).toEqual({ kind: 'gguf', path: repoPath('snapshots', COMMIT, 'm-Q4_0.gguf') });
    expect(await readlink(found.path)).toBe(join('..', '..', 'blobs', sha256(gguf)));
    expect(Uint8Array.from(await readFile(found.path))).toEqual(gguf);
    expect(await readFile(repoPath('refs', 'main'), 'utf8')).toBe(COMMIT);
    const numRequests = server.requests.length;
    expect(await findInHubCache({ ...request, file: 'q4_0' }, env())).toEqual(found);
    expect(await findInHubCache({ ...request, file: 'q8_0' }, env())).toBeUndefined();
    expect(server.requests).toHaveLength(numRequests);
  });

  it('fetches config, tokenizer, index and every shard of a folder, each once', {
    tags: ['slow'],
  }, async () => {
    files = {
      'config.json': utf8('{}'),
      'tokenizer.json': utf8('{"a":1}'),
      'model.safetensors.index.json': utf8('{"weight_map":{"x":"m-1.safetensors","y":"m-2.safetensors"}}'),
      'm-1.safetensors': gguf,
      'm-2.safetensors': gguf.subarray(1),
      'extra.bin': gguf.subarray(2),
    };
    const found = await fetchFromHub(request, { env: env() });
    expect(found.kind).toBe('folder');
    for (const name of Object.keys(files).filter((file) => file !== 'extra.bin')) {
      expect(Uint8Array.from(await readFile(join(found.path, name)))).toEqual(files[name]);
    }
    const fetched = server.requests.filter(({ line }) => line.includes('/resolve/'));
    expect(fetched).toHaveLength(5);
    await fetchFromHub(request, { env: env() });
    expect(server.requests.filter(({ line }) => line.includes('/resolve/'))).toHaveLength(5);
    expect(await findInHubCache(request, env())).toMatchObject({ kind: 'folder' });
    await rm(join(found.path, 'm-2.safetensors'));
    expect(await findInHubCache(request, env())).toBeUndefined();
  });

  it('sends the token of HF_TOKEN, or of the file that a login wrote, with every request', {
    tags: ['slow'],
  }, async () => {
    files = { 'm.gguf': gguf };
    await fetchFromHub(request, { env: env() });
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Bearer hf_secret']),
    );
    server.requests.length = 0;
    await rm(repoPath(), { recursive: true });
    await writeFile(join(home, 'token'), 'hf_from_file\n');
    await fetchFromHub(request, { env: { ...env(), HF_TOKEN: undefined } });
    expect(server.requests[0].headers.authorization).toBe('Bearer hf_from_file');
  });

  it('takes the token along to no other host that a file is sent from', { tags: ['slow'] }, async () => {
    files = { 'm.gguf': gguf };
    const elsewhere = await startServer((incoming, response) => serveBytes(incoming, response, gguf));
    elsewhereUrl = elsewhere.url.replace('127.0.0.1', 'localhost');
    const found = await fetchFromHub(request, { env: env() });
    await elsewhere.close();
    expect(Uint8Array.from(await readFile(found.path))).toEqual(gguf);
    expect(elsewhere.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(server.requests.every(({ headers }) => headers.authorization === 'Bearer hf_secret')).toBe(true);
  });

  it('says that a model is gated, and nothing of networks and mirrors', async () => {
    files = { 'm.gguf': gguf };
    isGated = true;
    const refusal = findWeights('org/name', { env: env() });
    await expect(refusal).rejects.toThrow(
      /status 403: the model is gated; ask for access on its page and set HF_/,
    );
    await expect(refusal).rejects.not.toThrow(/mirror|network/);
  });

  it('fetches once more what lies damaged in the cache, one byte of the weights being another', {
    tags: ['slow'],
  }, async () => {
    files = { 'm.gguf': gguf };
    const { path } = await findWeights('org/name', { env: env() });
    expect((await checkedWeights(env())).map(({ isIntact }) => isIntact)).toEqual([true]);
    const blob = await realpath(path);
    await writeFile(
      blob,
      Uint8Array.from(gguf, (byte, i) => (i === 2500 ? byte ^ 1 : byte)),
    );
    expect((await checkedWeights(env())).map(({ isIntact }) => isIntact)).toEqual([false]);
    const notes: string[] = [];
    // While there is no other file, the damaged one stays.
    await expect(findWeights('org/name', { env: { ...env(), HF_HUB_OFFLINE: '1' } })).rejects.toThrow(
      /m\.gguf is damaged; HF_HUB_OFFLINE is set/,
    );
    expect((await stat(blob)).size).toBe(gguf.length);
    await findWeights('org/name', { env: env(), onNote: (text) => notes.push(text) });
    expect(notes[0]).toMatch(/m\.gguf: expected sha256 of its name, got other bytes; fetching it once more/);
    expect(Uint8Array.from(await readFile(path))).toEqual(gguf);
    const numRequests = server.requests.length;
    await findWeights('org/name', { env: env() });
    expect(server.requests).toHaveLength(numRequests);
  });

  it('asks the proxy of the environment for list and file', { tags: ['slow'] }, async () => {
    files = { 'm.gguf': gguf };
    const asProxy = { ...env(), HTTP_PROXY: server.url, HF_ENDPOINT: 'http://hub.example.invalid' };
    const found = await fetchFromHub(request, { env: asProxy });
    expect(Uint8Array.from(await readFile(found.path))).toEqual(gguf);
    const isWhole = ({ line }: { line: string }) => line.startsWith('GET http://hub.example.invalid/');
    expect(server.requests.filter(isWhole)).toHaveLength(server.requests.length);
  });

  it('refuses bytes that do not have the promised sha256 or git hash, and leaves no blob', async () => {
    files = { 'm.gguf': gguf };
    promised = { 'm.gguf': 'ab'.repeat(32) };
    await expect(fetchFromHub(request, { env: env() })).rejects.toThrow(FormatError);
    expect(await findInHubCache(request, env())).toBeUndefined();
    files = { 'm.gguf': gguf.subarray(0, 50) };
    promised = { 'm.gguf': 'ab'.repeat(20) };
    await expect(fetchFromHub(request, { env: env() })).rejects.toThrow(/git hash/);
    expect(await findInHubCache(request, env())).toBeUndefined();
  });

  it('says within 300 ms that the hub does not answer', { tags: ['slow'] }, async () => {
    status = 'silent';
    const refusal = fetchFromHub(request, { env: env(), reachMs: 300 });
    await expect(refusal).rejects.toThrow(UnavailableError);
    await expect(refusal).rejects.toThrow(/no answer within 0.3 s/);
  });

  it.each([
    [401, /status 401; there is no such model, or it is gated or private and this token may not read it/],
    [404, /status 404, no such model/],
    [503, /status 503/],
  ])('says what status %d means', async (code, message) => {
    status = code;
    await expect(fetchFromHub(request, { env: env() })).rejects.toThrow(message);
  });

  it('says that a repository holds no model', async () => {
    files = { 'README.md': utf8('hello') };
    await expect(fetchFromHub(request, { env: env() })).rejects.toThrow(/neither/);
  });
});

describe('findInHubCache', () => {
  const known = { size: gguf.length, sha256: sha256(gguf), wheel: { requirement: 'x', member: 'y' } };
  const pinned: HubRequest = { ...request, revision: COMMIT, file: 'm.gguf', known };

  it('finds a known file by its hash alone, whatever commit it came with', async () => {
    await mkdir(repoPath('blobs'), { recursive: true });
    expect(await findInHubCache(pinned, env())).toBeUndefined();
    await writeFile(repoPath('blobs', known.sha256), gguf);
    expect(await findInHubCache(pinned, env())).toEqual({
      kind: 'gguf',
      path: repoPath('blobs', known.sha256),
    });
  });

  it('does not believe a known file of another size, nor a link to nothing', async () => {
    await mkdir(repoPath('snapshots', COMMIT), { recursive: true });
    await writeFile(repoPath('snapshots', COMMIT, 'm.gguf'), gguf.subarray(1));
    expect(await findInHubCache(pinned, env())).toBeUndefined();
    await rm(repoPath('snapshots', COMMIT, 'm.gguf'));
    await symlink('../../blobs/gone', repoPath('snapshots', COMMIT, 'm.gguf'));
    expect(await findInHubCache({ ...pinned, known: undefined }, env())).toBeUndefined();
  });
});

describe('hubCacheFolder', () => {
  it('follows the variables of the Python tools in their order', () => {
    const all = { HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c', XDG_CACHE_HOME: '/d' };
    expect(hubCacheFolder(all)).toBe('/a');
    expect(hubCacheFolder({ ...all, HF_HUB_CACHE: undefined })).toBe('/b');
    expect(hubCacheFolder({ HF_HOME: '/c', XDG_CACHE_HOME: '/d' })).toBe('/c/hub');
    expect(hubCacheFolder({ XDG_CACHE_HOME: '/d' })).toBe('/d/huggingface/hub');
  });
});
