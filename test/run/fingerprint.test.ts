// The fingerprint of library and command line, and what it promises: the same one and the same request give the same
// bytes.

import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/base/tensor.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import type { GenerateOptions } from '../../src/generate/generate.ts';
import type { Model } from '../../src/model/model.ts';
import { load, type SmolLM2 } from '../../src/node/index.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { systemFingerprint } from '../../src/run/fingerprint.ts';
import { type LoadOptions, loadModel } from '../../src/run/load.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { kernelsId } from '../../src/wasm/kernels.ts';
import type { Build } from '../../src/wasm/platform.ts';
import { goldenJson } from '../support/goldens.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';
import { tinyModel } from '../support/tiny-models.ts';
import { kernelBytes } from '../support/wasm.ts';

let folder: string;
let smol: SmolLM2;
beforeAll(async () => {
  folder = makeTinyFolder();
  smol = await load(folder, { threads: 1 });
});
afterAll(async () => {
  await smol.close();
  rmSync(folder, { recursive: true });
});

const checkpoint = randomCheckpoint(SMALL_CONFIG, () => 'Q4_1');

async function fingerprintOf(
  options: LoadOptions = {},
  of: Checkpoint = checkpoint,
  platform = nodePlatform,
): Promise<string> {
  const model: Model = await loadModel(of, { maxSeqLen: 64, threads: 1, ...options }, platform);
  try {
    return await systemFingerprint(model, smol.tokenizer, undefined);
  } finally {
    await model.close();
  }
}

/** The checkpoint with one bit of one tensor changed. */
function withChangedBit(name: string): Checkpoint {
  const tensor = checkpoint.tensors.get(name) as Tensor;
  const readRows = async (begin: number, end: number) => {
    const bytes = (await tensor.readRows(begin, end)).slice();
    // In the last row, so that no prompt needs to touch it.
    if (end === (tensor.shape.length > 1 ? tensor.shape[0] : 1)) bytes[bytes.length - 1] ^= 1;
    return bytes;
  };
  return { ...checkpoint, tensors: new Map(checkpoint.tensors).set(name, { ...tensor, readRows }) };
}

/** The tokenizer of the folder, but for one character. */
function otherTokenizer(): Tokenizer {
  const path = join(folder, 'tokenizer.json');
  const json = JSON.parse(readFileSync(path, 'utf8').replace('"!":5', '"|":5'));
  return Tokenizer.from({ kind: 'json', tokenizer: json, file: path });
}

describe('systemFingerprint', () => {
  it('is one for 1, 2 and 3 threads, shared memory or none, any context: none of them changes a bit', async () => {
    const first = await fingerprintOf();
    expect(first).toMatch(/^fp_[0-9a-f]{32}$/);
    const others = [
      await fingerprintOf({ threads: 2 }),
      await fingerprintOf({ threads: 3, maxSeqLen: 200 }),
      // As on an edge worker: one thread, kernels of the single build.
      await fingerprintOf({}, checkpoint, { loadModule: nodePlatform.loadModule, defaultThreads: 1 }),
    ];
    expect(new Set([first, ...others]).size).toBe(1);
  });

  it('differs with one bit of any tensor, and with config, engine, precision and cache type: 33 of 33', {
    tags: ['slow'],
  }, async () => {
    const names = [...checkpoint.tensors.keys()];
    const all = [await fingerprintOf()];
    for (const name of names) all.push(await fingerprintOf({}, withChangedBit(name)));
    all.push(await fingerprintOf({}, { ...checkpoint, config: { ...SMALL_CONFIG, ropeTheta: 10_000 } }));
    for (const cacheType of ['f16', 'q8'] as const) all.push(await fingerprintOf({ cacheType }));
    all.push(await fingerprintOf({ precision: 'precise' }));
    all.push(await fingerprintOf({ engine: 'reference' }));
    all.push(await fingerprintOf({ engine: 'reference' }, withChangedBit(names[0])));
    expect(all).toHaveLength(33);
    expect(new Set(all).size).toBe(33);
  });

  it('differs with tokenizer and chat template', async () => {
    const { model, tokenizer, template } = smol;
    const all = [
      await systemFingerprint(model, tokenizer, template?.source),
      await systemFingerprint(model, tokenizer, undefined),
      await systemFingerprint(model, tokenizer, '{{ messages }}'),
      await systemFingerprint(model, otherTokenizer(), template?.source),
    ];
    expect(new Set(all).size).toBe(4);
  });

  it('knows the kernels by an id of their code, the same with shared memory and without', () => {
    const id = (build: Build) => kernelsId(new WebAssembly.Module(kernelBytes(build)));
    expect(id('strict')).toMatch(/^[0-9a-f]{64}$/);
    expect(id('strict-single')).toBe(id('strict'));
    // Node 20 cannot compile relaxed SIMD; the id is the last section of the file.
    const relaxed = Buffer.from(kernelBytes('relaxed')).subarray(-64).toString();
    expect(Buffer.from(kernelBytes('relaxed-single')).subarray(-64).toString()).toBe(relaxed);
    expect(relaxed).not.toBe(id('strict'));
  });

  it('pins what the reference computes: when this hash changes, its `arithmetic` must as well', async () => {
    const model = await tinyModel('gqa');
    const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];
    const logits = await model.forward(ids, model.newCache(), { logits: 'all' });
    const hash = createHash('sha256').update(new Uint8Array(logits.buffer)).digest('hex').slice(0, 16);
    expect([model.arithmetic, hash]).toEqual(['reference 1', 'b65f76108123f5f7']);
  });
});

describe('the same fingerprint and request', () => {
  const options: GenerateOptions = { temperature: 0.9, topP: 0.95, seed: 7n, maxTokens: 24, ignoreEos: true };
  const flags = '--raw --json --temperature 0.9 --top-p 0.95 --seed 7 --max-tokens 24 --ignore-eos'.split(
    ' ',
  );

  async function answer(model: SmolLM2): Promise<string> {
    const run = model.generate('abc cab', options);
    for (;;) {
      const step = await run.next();
      if (step.done) return JSON.stringify([step.value.ids, step.value.text]);
    }
  }

  it.each([
    [{ threads: 2 }, ['--threads', '2']],
    [{ threads: 1, precision: 'precise' }, ['--threads', '1', '--precision', 'precise']],
    [{ engine: 'reference' }, ['--engine', 'reference']],
  ] as [LoadOptions, string[]][])(
    'give the same bytes in library and command line: %j',
    { tags: ['slow'] },
    async (how, words) => {
      const here = await load(folder, how);
      try {
        const fingerprint = await here.systemFingerprint();
        const { stdout } = await runCli(['generate', 'abc cab', '--model', folder, ...flags, ...words]);
        const printed = JSON.parse(stdout);
        expect(printed.systemFingerprint).toBe(fingerprint);
        expect(JSON.stringify([printed.ids, printed.text])).toBe(await answer(here));
        expect(await answer(here)).toBe(await answer(here));
        expect(await here.systemFingerprint()).toBe(fingerprint); // a run does not change it
        const isSmols = fingerprint === (await smol.systemFingerprint());
        expect(isSmols).toBe(how.threads === 2);
        if (isSmols) expect(await answer(smol)).toBe(await answer(here));
      } finally {
        await here.close();
      }
    },
  );
});
