// `smollm2 verify --logits` and `--llamacpp` as users start them, on a tiny model and files as other programs write
// them; llama-perplexity is a script that prints what the real one does (llama.cpp, tools/perplexity/perplexity.cpp).

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/base/rng.ts';
import { writeSafetensors } from '../../src/format/safetensors.ts';
import type { Model } from '../../src/model/model.ts';
import { klBaseHeader, klBaseRow } from '../../src/score/kl-base.ts';
import { windowsOf } from '../../src/score/perplexity.ts';
import { goldenJson } from '../support/goldens.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder, tinyText } from '../support/tiny-folder.ts';
import { tinyModel } from '../support/tiny-models.ts';

const VOCAB = 96;
const CONTEXT = 16;
const folder = mkdtempSync(join(tmpdir(), 'smollm2-verify-'));
const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];
/** Four windows of text that the model finds likely: llama.cpp's file tells nothing under 16 nats. */
const textIds: number[] = [];
let hf: string;
let gguf: string;
let right: Model;
let wrong: Model;

beforeAll(async () => {
  hf = makeTinyFolder();
  gguf = join(folder, 'tiny.gguf');
  expect((await runCli(['quantize', hf, gguf, '--type', 'f16'])).code).toBe(0);
  right = await tinyModel('gqa');
  wrong = await tinyModel('mqa');
  for (let id = 40, n = 0; n < 4 * CONTEXT; n++) {
    textIds.push(id);
    const logits = (await logitsOf(right, textIds.slice(-CONTEXT))).slice(-VOCAB);
    const byRank = [...logits.keys()].slice(5).sort((a, b) => logits[b] - logits[a]);
    id = byRank[(n * 5) % 7];
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(hf, { recursive: true });
});

const place = (name: string) => join(folder, name);

async function logitsOf(model: Model, input: readonly number[]): Promise<Float32Array> {
  return Float32Array.from(await model.forward(input, model.newCache(), { logits: 'all' }));
}

/** The same with normal noise of this size: what 8-bit activations and the like do. */
function noisy(logits: Float32Array, size: number): Float32Array {
  const rng = Rng.fromSeed(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  return logits.map((value) => value + size * normal());
}

function npyFile(name: string, values: Float32Array, shape: readonly number[]): string {
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = Buffer.from(`${fields.padEnd(117)}\n`);
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
  writeFileSync(place(name), Buffer.concat([start, header, new Uint8Array(values.buffer)]));
  return place(name);
}

function safetensorsFile(name: string, values: Float32Array, input = ids, tensor = 'lm_head'): string {
  const shape = [1, values.length / VOCAB, VOCAB];
  const tensors = [
    { name: tensor, shape, values },
    { name: 'input_ids', shape: [1, input.length], values: BigInt64Array.from(input, BigInt) },
  ];
  writeFileSync(place(name), writeSafetensors(tensors));
  return place(name);
}

/** What llama-perplexity writes for a text: header, ids, and a row for each scored position. */
async function klBaseFile(name: string, model: Model, noise = 0): Promise<string> {
  const parts = [klBaseHeader(CONTEXT, VOCAB, textIds)];
  for (const { begin, end, firstScored } of windowsOf('llama', textIds.length, CONTEXT)) {
    const logits = noisy(await logitsOf(model, textIds.slice(begin, end)), noise);
    for (let t = firstScored - 1 - begin; t < end - 1 - begin; t++) {
      parts.push(klBaseRow(logits.subarray(t * VOCAB, (t + 1) * VOCAB)));
    }
  }
  writeFileSync(place(name), Buffer.concat(parts));
  return place(name);
}

const verify = (...args: string[]) => runCli(['verify', '--model', hf, '--engine', 'reference', ...args]);

describe('smollm2 verify --logits', () => {
  it('calls the right model right: safetensors, .npy with all rows and with the last three', {
    tags: ['slow'],
  }, async () => {
    const logits = await logitsOf(right, ids);
    const files = [
      [safetensorsFile('right.safetensors', logits), ids.length],
      [safetensorsFile('named-logits.safetensors', logits, ids, 'logits'), ids.length],
      [npyFile('right.npy', logits, [ids.length, VOCAB]), ids.length, '--ids', ids.join()],
      [npyFile('last.npy', logits.slice(-3 * VOCAB), [3, VOCAB]), 3, '--ids', ids.join()],
    ] as [string, number, ...string[]][];
    for (const [file, numRows, ...flags] of files) {
      const { code, stdout, stderr } = await verify('--logits', file, ...flags, '--json');
      expect([code, stderr]).toEqual([0, '']);
      const report = JSON.parse(stdout);
      expect(report).toMatchObject({ verdict: 'right', numRows, sameTop: 1, sameTop5: 1 });
      // float32 of the logits: half a unit in the last place of numbers under 8.
      expect(report.maxAbs).toBeLessThan(2 ** -21);
    }
  });

  it('calls noise of 0.3 quantised, another model wrong with exit code 1, and says by how much', {
    tags: ['slow'],
  }, async () => {
    const logits = await logitsOf(right, ids);
    const quantised = await verify('--logits', safetensorsFile('noisy.safetensors', noisy(logits, 0.3)));
    expect([quantised.code, quantised.stdout.split('\n')[0]]).toEqual([0, 'verdict: right-quantised']);
    const rms = Number(/differ by (\S+) \(rms\)/.exec(quantised.stdout)?.[1]);
    expect(Math.abs(rms - 0.3)).toBeLessThan(0.03);
    const bad = safetensorsFile('wrong.safetensors', await logitsOf(wrong, ids));
    const other = await verify('--logits', bad, '--json');
    expect([other.code, JSON.parse(other.stdout).verdict]).toEqual([1, 'wrong-model']);
  });

  it("judges llama.cpp's file of log-probabilities: right, quantised, wrong", {
    tags: ['slow'],
  }, async () => {
    const reports: { code: number | null; verdict: string; meanKl: number }[] = [];
    const perplexities: number[] = [];
    for (const file of [
      await klBaseFile('right.kld', right),
      await klBaseFile('noisy.kld', right, 0.2),
      await klBaseFile('wrong.kld', wrong),
    ]) {
      const { code, stdout } = await verify('--logits', file, '--json');
      const { verdict, meanKl, theirPerplexity, ourPerplexity } = JSON.parse(stdout);
      reports.push({ code, verdict, meanKl });
      perplexities.push(theirPerplexity / ourPerplexity);
    }
    expect(reports.map(({ code, verdict }) => `${code} ${verdict}`)).toEqual([
      '0 right',
      '0 right-quantised',
      '1 wrong-model',
    ]);
    expect(reports[0].meanKl).toBeLessThan(1e-4);
    expect(Math.abs(perplexities[0] - 1)).toBeLessThan(1e-3); // 16 bits over 16 nats
    expect(reports[1].meanKl).toBeGreaterThan(0.2 ** 2 / 4); // half the variance, where p is spread out
  });

  describe('ends in one clear line for', () => {
    const flat = (rows: number) => new Float32Array(rows * VOCAB);
    const files: Record<string, () => string | Promise<string>> = {
      none: () => place('none.npy'),
      folder: () => folder,
      empty: () => written('empty', new Uint8Array(0)),
      garbage: () => written('garbage', Buffer.from('not a file of numbers at all')),
      npy: () => npyFile('flat.npy', flat(2), [2, VOCAB]),
      cut: () => written('cut.npy', readFileSync(npyFile('whole.npy', flat(2), [2, VOCAB])).subarray(0, -4)),
      narrow: () => npyFile('narrow.npy', new Float32Array(2 * 95), [2, 95]),
      turned: () => npyFile('turned.npy', flat(2), [VOCAB, 2]),
      long: () => npyFile('long.npy', flat(3), [3, VOCAB]),
      nan: () => npyFile('nan.npy', flat(2).fill(Number.NaN, VOCAB + 7, VOCAB + 8), [2, VOCAB]),
      infinite: () => npyFile('inf.npy', flat(2).fill(-Infinity, 3, 4), [2, VOCAB]),
      unnamed: () => safetensorsFile('unnamed.safetensors', flat(2), [4, 5], 'scores'),
      otherVocab: () =>
        written('v.kld', Buffer.concat([klBaseHeader(4, 95, [1, 2, 3, 4]), new Uint8Array(200)])),
      cutBase: async () => written('cut.kld', readFileSync(await klBaseFile('w.kld', right)).subarray(0, -2)),
    };
    function written(name: string, bytes: Uint8Array): string {
      writeFileSync(place(name), bytes);
      return place(name);
    }

    it.each([
      ['no file', 'none', [], /none\.npy: expected a file that can be read/],
      ['a folder', 'folder', [], /expected a file that can be read, got a folder/],
      ['an empty file', 'empty', [], /empty/],
      ['a file of another kind', 'garbage', [], /garbage/],
      ['.npy without --ids', 'npy', [], /--ids: expected the tokens of the \.npy file, got nothing/],
      ['--ids that are none', 'npy', ['--ids', '4,x'], /ids/],
      [
        'an id outside the vocabulary',
        'npy',
        ['--ids', '4,96'],
        /ids\[1\]: expected a whole number below 96/,
      ],
      ['.npy that is cut', 'cut', ['--ids', '4,5'], /cut\.npy, logits: .*/],
      ['rows of another vocabulary', 'narrow', ['--ids', '4,5'], /rows .* of 96 logits, got \[2, 95\]/],
      ['an array the wrong way round', 'turned', ['--ids', '4,5'], /of 96 logits, got \[96, 2\]/],
      ['more rows than ids', 'long', ['--ids', '4,5'], /expected up to 2 rows .* got \[3, 96\]/],
      ['NaN', 'nan', ['--ids', '4,5'], /nan\.npy, logits: expected finite numbers, got NaN \(row 1, id 7\)/],
      ['infinity', 'infinite', ['--ids', '4,5'], /got -Infinity \(row 0, id 3\)/],
      ['safetensors without logits', 'unnamed', [], /expected tensors lm_head \(or logits\) and input_ids/],
      ['log-probabilities of another vocabulary', 'otherVocab', [], /v\.kld/],
      ['log-probabilities that are cut', 'cutBase', [], /cut\.kld, n_chunk: expected \d+ bytes .* got \d+/],
    ] as [string, string, string[], RegExp][])('%s', async (_, file, flags, message) => {
      const { code, stdout, stderr } = await verify('--logits', await files[file](), ...flags);
      expect([code, stdout]).toEqual([stderr.includes('smollm2: --') ? 2 : 1, '']);
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^smollm2: [^\n]+\n$/);
    });

    it.each([
      [[], /expected one of --url, --logits and --llamacpp, got 0/],
      [['--logits', 'a', '--url', 'b'], /expected one of --url, --logits and --llamacpp, got 2/],
    ])('%j', async (flags, message) => {
      const { code, stderr } = await verify(...flags);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
    });
  });
});

/**
 * Stands in for llama-perplexity: takes its flags, copies a file made beforehand, and prints as it does, notes on
 * stderr and running estimates on stdout.
 */
const FAKE = `#!${process.execPath}
const { copyFileSync, writeFileSync } = require('node:fs');
const flag = (name) => process.argv[process.argv.indexOf(name) + 1];
const { FAKE_BASE, FAKE_PPL, FAKE_TROUBLE } = process.env;
if (!flag('-m').endsWith('tiny.gguf') || !flag('-f').endsWith('text.txt') || flag('-c') !== '${CONTEXT}') process.exit(9);
const path = flag('--kl-divergence-base');
console.error('perplexity: saving all logits to ' + path);
console.error('perplexity: tokenizing the input ..');
if (FAKE_TROUBLE === 'load') {
  console.error("llama_model_load: error loading model: unknown model architecture: 'smol'");
  console.error('main : failed to init');
  process.exit(1);
}
if (FAKE_TROUBLE === 'short') {
  writeFileSync(path, Buffer.concat([Buffer.from('_logits_'), Buffer.from(Uint32Array.of(${CONTEXT}).buffer)]));
  console.error('perplexity: you need at least 32 tokens to evaluate perplexity with a context of ${CONTEXT}');
  console.error('perplexity: the data file you provided tokenizes to only 5 tokens');
  process.exit(0);
}
console.error('perplexity: calculating perplexity over 4 chunks, n_ctx=${CONTEXT}, batch_size=2048, n_seq=4');
copyFileSync(FAKE_BASE, path);
process.stdout.write('[1]95.1244,[2]96.0124,[3]95.5478,[4]' + FAKE_PPL + ',\\n');
console.error('Final estimate: PPL = ' + FAKE_PPL + ' +/- 4.12345');
`;

describe('smollm2 verify --llamacpp', () => {
  let text: string;
  let bin: string;
  beforeAll(() => {
    text = place('text.txt');
    writeFileSync(text, tinyText(textIds));
    bin = mkdtempSync(join(folder, 'bin-'));
    writeFileSync(join(bin, 'llama-perplexity'), FAKE, { mode: 0o755 });
  });

  const run = (env: NodeJS.ProcessEnv, program = bin, flags: string[] = ['--text', text]) => {
    const model = ['--model', gguf, '--engine', 'reference', '--ctx', String(CONTEXT)];
    return runCli(['verify', '--llamacpp', program, ...flags, ...model, '--json'], '', env);
  };

  it('runs it on the text and judges both its perplexity and its log-probabilities', {
    tags: ['slow'],
  }, async () => {
    const base = await klBaseFile('theirs.kld', right);
    const judged = await run({ FAKE_BASE: base, FAKE_PPL: '96.1234' }, join(bin, 'llama-perplexity'));
    expect(judged.code).toBe(0);
    const report = JSON.parse(judged.stdout);
    expect(report).toMatchObject({ verdict: 'right', theirPerplexity: 96.1234, sameTop: 1 });
    // The same as our own command on the same text says.
    const flags = ['--model', gguf, '--engine', 'reference', '--ctx', String(CONTEXT), '--json'];
    const ours = JSON.parse((await runCli(['perplexity', text, ...flags])).stdout);
    expect(report.ourPerplexity).toBe(ours.perplexity);
    expect(Math.abs(report.basePerplexity / ours.perplexity - 1)).toBeLessThan(1e-3);
    const bad = await run({ FAKE_BASE: await klBaseFile('bad.kld', wrong), FAKE_PPL: '300.0' });
    expect([bad.code, JSON.parse(bad.stdout).verdict]).toEqual([1, 'wrong-model']);
  });

  it.each([
    [
      'a program that is not there',
      {},
      'nowhere/llama-perplexity',
      /--llamacpp: expected the program .* got ENOENT/,
    ],
    [
      'a program that fails',
      { FAKE_TROUBLE: 'load' },
      '',
      /expected exit code 0, got 1: .*unknown model .*failed to init/,
    ],
    [
      'a text that is too short for it',
      { FAKE_TROUBLE: 'short' },
      '',
      /Final estimate.*tokenizes to only 5 tokens/,
    ],
  ])('ends in one clear line for %s', { tags: ['slow'] }, async (_, env, program, message) => {
    const { code, stdout, stderr } = await run(env, program || bin);
    expect([code, stdout]).toEqual([stderr.includes('smollm2: --') ? 2 : 1, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^smollm2: /);
  });

  it.each([
    ['no --text', [], /--text: expected a text for llama-perplexity, got nothing/],
    ['a text that is not there', ['--text', 'none.txt'], /--text: expected a file, got none at none\.txt/],
  ])('ends in one clear line for %s', { tags: ['slow'] }, async (_, flags, message) => {
    const { code, stderr } = await run({}, bin, flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('wants the .gguf file that llama-perplexity loads as well, not a folder', async () => {
    const { code, stderr } = await verify('--llamacpp', bin, '--text', text);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--model: expected the \.gguf file that llama-perplexity loads as well/);
  });
});
