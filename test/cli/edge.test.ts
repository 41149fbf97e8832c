import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from '../../src/node/index.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let out: string;
let tiny: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'smollm2-edge-'));
  tiny = makeTinyFolder();
});
afterAll(() => {
  for (const folder of [out, tiny]) rmSync(folder, { recursive: true });
});

describe('smollm2 split', () => {
  it('cuts a file into parts that load() joins again', { tags: ['slow'] }, async () => {
    const file = join(out, 'tiny.gguf');
    await runCli(['quantize', tiny, file, '--type', 'f16']);
    const { stdout } = await runCli(['split', file, '--out', join(out, 'parts'), '--part-size', '16KiB']);
    const { size } = statSync(file);
    expect(stdout).toContain(`${Math.ceil(size / 16384)} parts, ${size} bytes`);
    const whole = await load(file, { engine: 'reference' });
    const joined = await load(join(out, 'parts/tiny.gguf.json'), { engine: 'reference' });
    const logits = await Promise.all(
      [whole, joined].map(({ model }) => model.forward([1, 2, 3], model.newCache())),
    );
    expect(logits[1]).toEqual(logits[0]);
  });

  it('wants a folder, and one file', async () => {
    expect((await runCli(['split', tiny])).stderr).toMatch(/--out: expected a folder/);
    expect((await runCli(['split', tiny, '--out', out])).stderr).toMatch(/expected one \.gguf file/);
  });
});

describe('smollm2 plan', () => {
  it('prints as JSON what fits, part by part, and their sum', async () => {
    const { stdout, code } = await runCli(['plan', '135m', '--type', 'q4_1', '--memory', '128MB', '--json']);
    const plan = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(plan).toMatchObject({ fits: true, cacheType: 'q8', maxSeqLen: 1024, limit: 128e6 });
    const sum = plan.parts.reduce((total: number, part: { bytes: number }) => total + part.bytes, 0);
    expect(plan.bytes).toBe(sum);
    expect(plan.bytes).toBeLessThanOrEqual(128e6);
    expect(plan.longestContext.q8).toBeGreaterThan(plan.longestContext.f16);
  });

  it('ends with exit code 1 and the smallest plan where nothing fits', async () => {
    const { stdout, code } = await runCli(['plan', '1.7b', '--type', 'q8_0', '--memory', '1GB']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/does not fit 1GB: this is the smallest plan/);
  });

  it('refuses a type that is none, and one for a file', async () => {
    expect((await runCli(['plan', '135m', '--type', 'q9'])).stderr).toMatch(
      /--type: expected one such as q4_0/,
    );
    expect((await runCli(['plan', tiny, '--type', 'q4_0'])).stderr).toMatch(/a file knows its own types/);
  });
});

describe('smollm2 doctor', () => {
  it('says that SIMD, threads and kernels are on here', { tags: ['slow'] }, async () => {
    const { stdout, code } = await runCli(['doctor', '--json']);
    const found = JSON.parse(stdout);
    expect(code).toBe(0);
    for (const name of ['simd', 'threads', 'kernels']) expect(found[name].isOn).toBe(true);
    expect(found.runtime).toBe(`node ${process.versions.node}`);
    expect(found.numCores).toBe(availableParallelism());
    expect((await runCli(['doctor'])).stdout).toMatch(/^node .*\nyes {2}SIMD/);
  });

  it('tells whether --relaxed works, and so it does', { tags: ['slow'] }, async () => {
    const { relaxedSimd } = JSON.parse((await runCli(['doctor', '--json'])).stdout);
    const { code, stderr } = await runCli([
      'generate',
      '--relaxed',
      '--raw',
      'a',
      '-n',
      '2',
      '--model',
      tiny,
    ]);
    if (relaxedSimd.isOn) expect(code).toBe(0);
    else expect(stderr).toMatch(/relaxed: this runtime has no relaxed SIMD; leave the option out/);
  });
});

describe('smollm2 snapshot', () => {
  it('writes a file that the same model restores', { tags: ['slow'] }, async () => {
    const file = join(out, 'system.kv');
    const system = 'You speak to ships.';
    await runCli(['snapshot', '--model', tiny, '--system', system, '--out', file, '--threads', '1']);
    const smol = await load(tiny, { threads: 1 });
    const session = await smol.restore(readFileSync(file));
    expect(smol.tokenizer.decode(session.cachedIds)).toContain(system);
    await smol.close();
  });

  it('wants a message and a file', async () => {
    expect((await runCli(['snapshot', '--out', 'x'])).stderr).toMatch(/--system: expected a text/);
    expect((await runCli(['snapshot', '--system', 'x'])).stderr).toMatch(/--out: expected a file/);
  });
});
