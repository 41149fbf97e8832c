import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf as oracle } from '@huggingface/gguf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/base/tensor.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { readGgufHeader } from '../../src/format/gguf-header.ts';
import { readHfFolder } from '../../src/format/hf.ts';
import { targetType } from '../../src/format/requantise.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

/** Half a unit in the last place of an 11-bit (F16) and an 8-bit (BF16) significand, relative. */
const HALF_ULP = { f16: 2 ** -11, bf16: 2 ** -8 };

let folder: string;
const models = new Map<string, string>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smollm2-quantize-'));
  for (const name of ['gqa', 'untied', 'llama3-rope', 'qwen2']) models.set(name, makeTinyFolder(name));
  // The golden model's scaling is scaled down with it; a GGUF file implies the constants of the real ones.
  editConfig(models.get('llama3-rope')!, { rope_theta: 500_000, rope_scaling: REAL_SCALING });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  for (const model of models.values()) rmSync(model, { recursive: true });
});

const REAL_SCALING = {
  rope_type: 'llama3',
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

function editConfig(model: string, changes: object): void {
  const path = join(model, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changes }));
}

const at = (name: string) => join(folder, name);
const opened: { close(): Promise<void> }[] = [];
const keep = <T extends { close(): Promise<void> }>(checkpoint: T): T => {
  opened.push(checkpoint);
  return checkpoint;
};
afterEach(async () => {
  for (const checkpoint of opened.splice(0)) await checkpoint.close();
});
const openHf = async (path: string) => keep(await readHfFolder((name) => fileSource(join(path, name)), path));
const headerOf = async (name: string) => {
  const source = await fileSource(at(name));
  return readGgufHeader(source).finally(() => source.close?.());
};
const openGguf = async (path: string) => keep(await readGguf(await fileSource(path)));

async function valuesOf({ dtype, shape, readRows }: Tensor): Promise<Float64Array> {
  const values = new Float64Array(shape.reduce((product, size) => product * size, 1));
  decodeToF64(dtype, await readRows(0, shape.length < 2 ? 1 : shape[0]), 0, values, 0, values.length);
  return values;
}

async function quantize(input: string, output: string, type: string) {
  const { code, stdout, stderr } = await runCli(['quantize', input, output, '--type', type, '--json']);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('smollm2 quantize of an HF folder', () => {
  it.each(['gqa', 'untied', 'llama3-rope', 'qwen2'])(
    '%s as f16 and bf16: every tensor within half a unit of the last place, in the rows it had',
    { tags: ['slow'] },
    async (name) => {
      const source = await openHf(models.get(name)!);
      for (const type of ['f16', 'bf16'] as const) {
        await quantize(models.get(name)!, at(`${name}.${type}.gguf`), type);
        const written = await openGguf(at(`${name}.${type}.gguf`));
        expect([...written.tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort());
        for (const [tensorName, tensor] of source.tensors) {
          const expected = await valuesOf(tensor);
          const got = await valuesOf(written.tensors.get(tensorName)!);
          const exact = tensor.shape.length === 1;
          const wrong = expected.findIndex((value, i) => {
            // Below 2^-14 a half has no more relative precision: its step there is 2^-24.
            const room = exact
              ? 0
              : Math.max(Math.abs(value) * HALF_ULP[type], type === 'f16' ? 2 ** -25 : 0);
            return Math.abs(got[i] - value) > room;
          });
          expect({ tensorName, wrong }).toEqual({ tensorName, wrong: -1 });
        }
        await written.close();
      }
      await source.close();
    },
  );

  it.each(['gqa', 'untied', 'llama3-rope', 'qwen2'])(
    '%s: the config and the ids of texts stay',
    async (name) => {
      await quantize(models.get(name)!, at(`${name}.gguf`), 'q8_0');
      const source = await openHf(models.get(name)!);
      const written = await openGguf(at(`${name}.gguf`));
      const float32Eps = Math.fround(source.config.rmsNormEps);
      expect(written.config).toEqual({ ...source.config, rmsNormEps: float32Eps });
      expect(written.chatTemplate).toBe(source.chatTemplate);
      const [before, after] = [source, written].map((opened: Checkpoint) =>
        Tokenizer.from(opened.tokenizer!),
      );
      const text = '<|im_start|>user\nHow much is 12 + 30?<|im_end|>';
      expect(after.encode(text)).toEqual(before.encode(text));
      expect(after.eosIds).toEqual(before.eosIds);
      await source.close();
      await written.close();
    },
  );

  it('reports the error that the written bytes have', async () => {
    const { tensors } = await quantize(models.get('gqa')!, at('report.gguf'), 'q4_1');
    const source = await openHf(models.get('gqa')!);
    const written = await openGguf(at('report.gguf'));
    const name = 'model.layers.1.self_attn.q_proj.weight';
    const expected = await valuesOf(source.tensors.get(name)!);
    const got = await valuesOf(written.tensors.get(name)!);
    const errors = got.map((value, i) => value - expected[i]);
    const rms = (values: Float64Array) =>
      Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    const report = tensors.find((line: { name: string }) => line.name === 'blk.1.attn_q.weight');
    expect(report).toMatchObject({ from: 'F32', to: 'Q4_1', shape: [32, 32], bytes: 32 * 20 });
    expect(report.error.max).toBe(Math.max(...errors.map(Math.abs)));
    expect(report.error.rms).toBeCloseTo(rms(errors), 12);
    expect(report.error.relative).toBeCloseTo(rms(errors) / rms(expected), 12);
    // 15 steps over the range of a block: rounding to the nearest is at most half a step, here of a range near 6 rms.
    expect(report.error.relative).toBeGreaterThan(0.01);
    expect(report.error.relative).toBeLessThan(0.2);
    await source.close();
    await written.close();
  });
});

describe('smollm2 quantize of a GGUF file', () => {
  it('to the type it has: the same tensors byte for byte, and all metadata', async () => {
    await quantize(models.get('gqa')!, at('once.gguf'), 'q4_0');
    const { tensors } = await quantize(at('once.gguf'), at('twice.gguf'), 'q4_0');
    expect(tensors.every(({ error }: { error: { max: number } }) => error.max === 0)).toBe(true);
    expect(readFileSync(at('twice.gguf')).equals(readFileSync(at('once.gguf')))).toBe(true);
  });

  it('copies metadata, states the new type and quantises again', async () => {
    await quantize(models.get('gqa')!, at('half.gguf'), 'f16');
    await quantize(at('half.gguf'), at('eighth.gguf'), 'q8_0');
    const [before, after] = await Promise.all(['half.gguf', 'eighth.gguf'].map(headerOf));
    expect([...after.metadata.keys()]).toEqual([...before.metadata.keys()]);
    const changed = [...before.metadata].filter(
      ([key, { encoded }]) => !Buffer.from(encoded).equals(after.metadata.get(key)!.encoded),
    );
    expect(changed.map(([key]) => key)).toEqual(['general.file_type']);
    expect(after.metadata.get('general.file_type')!.value).toBe(7);
  });

  it('is read by @huggingface/gguf as it is by ours', async () => {
    await quantize(models.get('gqa')!, at('oracle.gguf'), 'q4_1');
    const { tensorInfos, ...header } = await oracle(at('oracle.gguf'), { allowLocalFile: true });
    const metadata = new Map<string, unknown>(Object.entries(header.metadata));
    const ours = await headerOf('oracle.gguf');
    expect(metadata.get('general.file_type')).toBe(3);
    expect(metadata.get('llama.attention.head_count_kv')).toBe(2);
    expect(tensorInfos.map(({ name }) => name)).toEqual(ours.tensors.map(({ name }) => name));
    expect(tensorInfos.map(({ shape }) => shape.map(Number).reverse())).toEqual(
      ours.tensors.map(({ shape }) => shape),
    );
  });
});

describe('targetType', () => {
  it.each([
    ['blk.0.attn_q.weight', [576, 576], 'Q4_0', true, 'Q4_0'],
    ['blk.0.attn_norm.weight', [576], 'Q4_0', true, 'F32'],
    ['token_embd.weight', [49152, 576], 'Q4_1', true, 'Q8_0'],
    ['token_embd.weight', [49152, 576], 'Q4_1', false, 'Q4_1'],
    ['output.weight', [49152, 576], 'Q4_0', false, 'Q8_0'],
    ['token_embd.weight', [49152, 576], 'BF16', true, 'BF16'],
    ['blk.0.ffn_down.weight', [32, 72], 'Q8_0', true, 'F16'],
  ] as const)('%s %j with --type %s, tied %s: %s', (name, shape, type, isTied, expected) => {
    expect(targetType(name, shape, type, isTied)).toBe(expected);
  });
});

describe('what smollm2 quantize refuses', () => {
  const refused = async (args: string[]) => {
    const { code, stdout, stderr } = await runCli(['quantize', ...args]);
    return { code, stdout, stderr: stderr.trim() };
  };

  it('a type it cannot write, and none at all', async () => {
    const model = models.get('gqa')!;
    const expected = 'q4_0, q4_1, q8_0, bf16';
    const none = await refused([model, at('none.gguf')]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toContain(expected);
    expect((await refused([model, at('none.gguf'), '--type', 'q2_k'])).stderr).toMatch(
      /--type: expected .*got "q2_k"/,
    );
  });

  it('rotary scaling with other constants than those that a GGUF file implies', async () => {
    const small = makeTinyFolder('llama3-rope');
    try {
      const { code, stderr } = await refused([small, at('rope.gguf'), '--type', 'f16']);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^smollm2: rope_scaling: expected/),
      });
    } finally {
      rmSync(small, { recursive: true });
    }
  });

  it('to write over its input', async () => {
    await quantize(models.get('gqa')!, at('self.gguf'), 'f16');
    const before = readFileSync(at('self.gguf'));
    const { code, stderr } = await refused([at('self.gguf'), at('self.gguf'), '--type', 'q8_0']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('expected another file') });
    expect(readFileSync(at('self.gguf')).equals(before)).toBe(true);
  });

  it('weights that are not finite, and leaves the old file and no partial one', async () => {
    const broken = makeTinyFolder();
    try {
      const path = join(broken, 'model.safetensors');
      const bytes = readFileSync(path);
      const headerLength = Number(bytes.readBigUInt64LE(0));
      const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
      const [begin] = header['model.layers.0.mlp.up_proj.weight'].data_offsets;
      bytes.writeUInt32LE(0x7fc00000, 8 + headerLength + begin);
      writeFileSync(path, bytes);
      const target = join(broken, 'out.gguf');
      copyFileSync(join(broken, 'config.json'), target);
      const before = readdirSync(broken).sort();
      const { code, stderr } = await refused([broken, target, '--type', 'q8_0']);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/expected finite values, got NaN/),
      });
      expect(readdirSync(broken).sort()).toEqual(before);
      expect(readFileSync(target, 'utf8')).toBe(readFileSync(join(broken, 'config.json'), 'utf8'));
    } finally {
      rmSync(broken, { recursive: true });
    }
  });
});
