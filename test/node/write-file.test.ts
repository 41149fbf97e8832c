import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import { makeFolder, writeFileWhole, writeText } from '../../src/node/write-file.ts';
import { MAIN, runCli } from '../support/run-cli.ts';

/** A device on which every write finds a full disk. */
const FULL = '/dev/full';

let folder: string;
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('makeFolder', () => {
  it('makes all that are missing, and takes one that is there', () => {
    makeFolder(join(folder, 'a', 'b', 'c'));
    makeFolder(join(folder, 'a', 'b'));
    expect(existsSync(join(folder, 'a', 'b', 'c'))).toBe(true);
  });

  it.runIf(existsSync('/proc/self'))(
    'says that there can be none, where Node would look for ever',
    async () => {
      expect(() => makeFolder('/proc/none/below')).toThrow(UnavailableError);
    },
  );
});

describe('writeFileWhole', () => {
  it('leaves what was there, and nothing beside it, when a piece cannot be had', async () => {
    writeFileSync(at('a'), 'old');
    async function* pieces() {
      yield new Uint8Array(9);
      throw new RangeError('no more');
    }
    await expect(writeFileWhole(at('a'), pieces())).rejects.toThrow('no more');
    expect(readFileSync(at('a'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it.each([
    ['a folder', () => folder, /EISDIR|ENOTEMPTY|EEXIST/],
    ['a folder that is not there', () => at('none/a'), /ENOENT/],
    ['a file taken for a folder', () => at('file/a'), /ENOTDIR/],
  ])('names the place when it is %s', async (_, path, code) => {
    writeFileSync(at('file'), '');
    const refusal = writeText(path(), 'text');
    await expect(refusal).rejects.toThrow(UnavailableError);
    await expect(refusal).rejects.toThrow(`${path()}: expected a place to write to, got`);
    await expect(refusal).rejects.toThrow(code);
  });

  it.runIf(existsSync(FULL))('writes into a device and does not take its place', async () => {
    symlinkSync('/dev/null', at('null'));
    await writeText(at('null'), 'text');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    symlinkSync(FULL, at('full'));
    await expect(writeText(at('full'), 'text')).rejects.toThrow(
      /full: expected a place to write to, got ENOSPC/,
    );
    expect(statSync(FULL).isCharacterDevice()).toBe(true);
  });

  it('writes through a link, which stays one', async () => {
    writeFileSync(at('file'), 'old');
    symlinkSync(at('file'), at('link'));
    await writeText(at('link'), 'new');
    expect(readFileSync(at('file'), 'utf8')).toBe('new');
    expect(readdirSync(folder).sort()).toEqual(['file', 'link']);
  });
});

describe.runIf(existsSync(FULL))('a full disk', () => {
  it.each([
    'generate -m nano --raw hi -n 1 --record',
    'quantize nano --type q8_0',
    'grads -m nano --ids 5,6,7 --out',
  ])('ends %s with one line that names the file', { tags: ['slow'] }, async (command) => {
    symlinkSync(FULL, at('out.gguf'));
    const words = command.split(' ');
    // The output of quantize stands behind its input.
    words.splice(words[0] === 'quantize' ? 2 : words.length, 0, at('out.gguf'));
    const { code, stderr } = await runCli(words);
    const line = `smollm2: ${at('out.gguf')}: expected a place to write to, got ENOSPC: no space left on device, write`;
    expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({ code: 1, last: line });
  });

  it('under stdout ends a command with one line', { tags: ['slow'] }, () => {
    const { status, stderr } = spawnSync('sh', [
      '-c',
      `exec ${process.execPath} ${MAIN} plan nano > ${FULL}`,
    ]);
    expect({ status, stderr: String(stderr) }).toEqual({
      status: 1,
      stderr: 'smollm2: stdout: expected a place to write to, got ENOSPC: no space left on device, write\n',
    });
  });
});
