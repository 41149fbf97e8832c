import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import { readGguf, readGgufTokenizer } from '../../src/format/gguf.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { isIntact } from '../../src/node/intact.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { ggufBytes, TOKENS } from '../support/tiny-gguf.ts';

const inFolder = async (check: (folder: string) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'smollm2-files-'));
  await check(folder).finally(() => rm(folder, { recursive: true }));
};

it.runIf(process.platform !== 'win32')('refuses a named pipe at once', () =>
  inFolder(async (folder) => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(fileSource(join(folder, 'pipe'))).rejects.toThrow(UnavailableError);
  }),
);

it.runIf(process.platform === 'linux')('leaves no file open when a model is refused', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'bad.gguf');
    await writeFile(path, 'GGUFnot');
    const numOpen = async () => (await readdir('/proc/self/fd')).length;
    const before = await numOpen();
    for (let i = 0; i < 20; i++) await expect(readGguf(await fileSource(path))).rejects.toThrow();
    expect(await numOpen()).toBeLessThan(before + 10);
  }),
);

it('reads the tokenizer of a GGUF file without weights', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'vocab.gguf');
    await writeFile(
      path,
      ggufBytes((file) => (file.tensors = [])),
    );
    await expect(readGguf(await fileSource(path))).rejects.toThrow('token_embd.weight');
    const { tokenizer } = await readGgufTokenizer(await fileSource(path));
    expect(Tokenizer.from(tokenizer!).encode('abcd')).toEqual([TOKENS.indexOf('abcd')]);
  }));

it('notices a flipped byte, and hashes an unchanged file once', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'file');
    const abc = { size: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' };
    await writeFile(path, 'abc');
    expect(await isIntact(path, abc)).toBe(true);
    expect(await readdir(folder)).toEqual(['file', 'file.checked']);
    expect(await isIntact(path, abc)).toBe(true);
    await writeFile(path, 'abd');
    expect(await isIntact(path, abc)).toBe(false);
    expect(await isIntact(join(folder, 'none'), abc)).toBe(false);
  }));
