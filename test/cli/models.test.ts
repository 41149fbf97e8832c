import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-models-'));
  env = { SMOLLM2_CACHE: join(folder, 'own'), HF_HUB_CACHE: join(folder, 'hub') };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A file of `size` bytes, and the folders that it lies in. */
function put(path: string, size: number): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), new Uint8Array(size));
}

/** Two of our own (one of a URL), one repository of the hub with weights and one without. */
function fill(): void {
  put('own/SmolLM2.gguf', 3_000_000);
  put('own/url/0123456789abcdef/model.gguf', 1_000_000);
  put('hub/models--owner--name/blobs/abc', 2_000_000);
  put('hub/models--owner--name/refs/main', 40);
  mkdirSync(join(folder, 'hub/models--owner--name/snapshots/c0'), { recursive: true });
  symlinkSync('../../blobs/abc', join(folder, 'hub/models--owner--name/snapshots/c0/model.safetensors'));
  put('hub/models--owner--tokenizer-only/snapshots/c0/tokenizer.json', 10);
}

describe('smollm2 list', () => {
  it('says what to do where nothing is', async () => {
    expect((await runCli(['list'], '', env)).stdout).toBe('no model is here yet; smollm2 pull fetches one\n');
  });

  it('lists files of our own and repositories with weights, with their bytes', async () => {
    fill();
    const models = JSON.parse((await runCli(['list', '--json'], '', env)).stdout);
    const sizes = Object.fromEntries(
      models.map((model: { name: string; size: number }) => [model.name, model.size]),
    );
    expect(sizes).toEqual({
      [join(folder, 'own/SmolLM2.gguf')]: 3_000_000,
      [join(folder, 'own/url/0123456789abcdef/model.gguf')]: 1_000_000,
      'owner/name': 2_000_040,
    });
    expect((await runCli(['list'], '', env)).stdout).toMatch(/2\.0 MB {2}\d{4}-\d\d-\d\d +owner\/name\n/);
  });
});

describe('smollm2 rm', () => {
  it('removes a repository by its name, and a file by the last part of its path', async () => {
    fill();
    expect((await runCli(['rm', 'owner/name'], '', env)).stdout).toBe('removed owner/name, 2.0 MB\n');
    expect(existsSync(join(folder, 'hub/models--owner--name'))).toBe(false);
    expect((await runCli(['rm', 'model.gguf'], '', env)).code).toBe(0);
    expect(existsSync(join(folder, 'own/url/0123456789abcdef'))).toBe(false);
    expect(existsSync(join(folder, 'own/SmolLM2.gguf'))).toBe(true);
  });

  it('names what there is for a name that is not there, and removes nothing', {
    tags: ['slow'],
  }, async () => {
    fill();
    const { code, stderr } = await runCli(['rm', 'other/name'], '', env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^smollm2: other\/name: expected a model of smollm2 list, got none .*owner\/name/);
    expect(existsSync(join(folder, 'hub/models--owner--name'))).toBe(true);
  });
});

describe('smollm2 pull', () => {
  it('gives the path of a model that is here', async () => {
    put('hub/models--owner--name/snapshots/c0/model.gguf', 5);
    put('hub/models--owner--name/refs/main', 2);
    writeFileSync(join(folder, 'hub/models--owner--name/refs/main'), 'c0');
    const { stdout, code } = await runCli(['pull', 'owner/name:model.gguf'], '', env);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${join(folder, 'hub/models--owner--name/snapshots/c0/model.gguf')}\n`,
    });
  });
});
