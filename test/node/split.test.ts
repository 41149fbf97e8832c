import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { partsSource, readManifest } from '../../src/format/parts.ts';
import { bytesSource } from '../../src/format/source.ts';
import { parseBytes, splitFile } from '../../src/node/split.ts';

const folders: string[] = [];
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'smollm2-split-'));
  folders.push(path);
  return path;
}
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 13 + (i >> 8)) & 255);

describe('splitFile', () => {
  it('cuts 10,000 bytes into three parts of at most 4,096 and a manifest that joins them again', {
    tags: ['slow'],
  }, async () => {
    const into = await folder();
    const { manifest, path } = await splitFile(bytesSource('/models/tiny.gguf', bytes), into, 4096);
    expect(manifest.parts.map(({ name, size }) => [name, size])).toEqual([
      ['tiny.gguf.000', 4096],
      ['tiny.gguf.001', 4096],
      ['tiny.gguf.002', 1808],
    ]);
    expect(manifest.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect((await readdir(into)).sort()).toEqual([
      ...manifest.parts.map(({ name }) => name),
      'tiny.gguf.json',
    ]);

    const read = readManifest(await readFile(path, 'utf8'), path);
    const joined = partsSource(read, ({ name }) => readFile(join(into, name)));
    expect(await joined.read(0, 10_000)).toEqual(bytes);
  });

  it('leaves nothing half-written where a part cannot get its name, and no manifest', async () => {
    const into = await folder();
    await mkdir(join(into, 'tiny.gguf.001', 'in the way'), { recursive: true });
    await expect(splitFile(bytesSource('tiny.gguf', bytes), into, 4096)).rejects.toThrow(
      /EISDIR|ENOTEMPTY|EEXIST/,
    );
    expect((await readdir(into)).sort()).toEqual(['tiny.gguf.000', 'tiny.gguf.001']);
  });

  it('refuses parts of under a kilobyte and over 256 MiB', async () => {
    const source = bytesSource('tiny.gguf', bytes);
    await expect(splitFile(source, await folder(), 1023)).rejects.toThrow(RangeError);
    await expect(splitFile(source, await folder(), 2 ** 28 + 1)).rejects.toThrow(RangeError);
  });
});

describe('parseBytes', () => {
  it.each([
    ['128MB', 128_000_000],
    ['24MiB', 25_165_824],
    ['1.5 GB', 1_500_000_000],
    ['4096', 4096],
    ['64k', 64_000],
  ])('reads %s as %d', (text, value) => {
    expect(parseBytes(text)).toBe(value);
  });

  it.each(['', 'MB', '-1', '12 bananas', '1e3'])('refuses %j', (text) => {
    expect(() => parseBytes(text)).toThrow(RangeError);
  });
});
