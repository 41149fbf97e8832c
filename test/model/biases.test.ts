// A Llama model with attention_bias and mlp_bias (HF `LlamaConfig`): read from a folder and from GGUF, and computed
// as a plain float64 network that is written here and shares no code with src.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { numParameters } from '../../src/config.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { writeGguf } from '../../src/format/gguf-write.ts';
import { readHfFolder } from '../../src/format/hf.ts';
import { hfConfigJson } from '../../src/format/hf-write.ts';
import { SafetensorsFile, writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { ggufContentOfHf } from '../../src/format/to-gguf.ts';
import { fileSource } from '../../src/node/file-source.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import { EPS32, EPS64, expectClose } from '../support/close.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';
import { randomF32 } from '../support/wasm.ts';

const IDS = [5, 40, 3, 3, 91, 17, 60, 22];
const BIASED = ['self_attn.q', 'self_attn.k', 'self_attn.v', 'self_attn.o', 'mlp.gate', 'mlp.up', 'mlp.down'];

const folder = makeTinyFolder('gqa');
afterAll(() => rmSync(folder, { recursive: true }));
const weights = await addBiases();
const checkpoint = await readHfFolder((name) => fileSource(join(folder, name)), folder);
afterAll(() => checkpoint.close());

/** Gives every projection of the tiny model a bias, and its config the two switches. */
async function addBiases(): Promise<Map<string, number[]>> {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  const biased = { ...config, attention_bias: true, mlp_bias: true };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(biased));
  const bytes = new Uint8Array(readFileSync(join(folder, 'model.safetensors')));
  const file = await SafetensorsFile.open(bytesSource('tiny', bytes));
  const tensors: { name: string; shape: readonly number[]; values: Float32Array }[] = [];
  for (const [name, { shape }] of file.tensors) {
    tensors.push({ name, shape, values: Float32Array.from(await file.readTensorAsF64(name)) });
    const part = BIASED.find((stem) => name.endsWith(`${stem}_proj.weight`));
    if (part) {
      const values = randomF32(shape[0], tensors.length, 0.5);
      tensors.push({ name: name.replace(/weight$/, 'bias'), shape: [shape[0]], values });
    }
  }
  writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(tensors, { format: 'pt' }));
  return new Map(tensors.map(({ name, values }) => [name, Array.from(values)]));
}

/** y[o] = Σ x[i] · weight[o, i] + bias[o] */
function project(x: readonly number[], name: string): number[] {
  const weight = weights.get(`${name}.weight`)!;
  const bias = weights.get(`${name}.bias`);
  return Array.from({ length: weight.length / x.length }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * weight[o * x.length + i], bias?.[o] ?? 0),
  );
}

function norm(x: readonly number[], name: string): number[] {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + 1e-5);
  return x.map((value, i) => value * scale * weights.get(`${name}.weight`)![i]);
}

/** Heads of 8: value j turns with value j + 4 by pos · 10000^(-2j / 8). */
function rotate(x: readonly number[], pos: number): number[] {
  return x.map((value, i) => {
    const j = i % 4;
    const angle = pos * 10_000 ** ((-2 * j) / 8);
    const other = i % 8 < 4 ? -x[i + 4] : x[i - 4];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Attention of one row over all rows so far; query head h reads key head h >> 1. */
function attend(q: readonly number[], keys: readonly number[][], values: readonly number[][]): number[] {
  return Array.from({ length: 4 }, (_, h) => {
    const [at, from] = [8 * h, 8 * (h >> 1)];
    const scores = keys.map((k) => {
      let dot = 0;
      for (let i = 0; i < 8; i++) dot += q[at + i] * k[from + i];
      return Math.exp(dot / Math.sqrt(8));
    });
    const sum = scores.reduce((a, b) => a + b);
    return Array.from({ length: 8 }, (_, i) =>
      scores.reduce((mixed, score, p) => mixed + (score / sum) * values[p][from + i], 0),
    );
  }).flat();
}

const plus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]);

/** Logits of every row. */
function plainLogits(): number[] {
  const table = weights.get('model.embed_tokens.weight')!;
  let rows = IDS.map((id) => table.slice(32 * id, 32 * id + 32));
  for (const layer of ['model.layers.0', 'model.layers.1']) {
    const normed = rows.map((x) => norm(x, `${layer}.input_layernorm`));
    const keys = normed.map((x, pos) => rotate(project(x, `${layer}.self_attn.k_proj`), pos));
    const values = normed.map((x) => project(x, `${layer}.self_attn.v_proj`));
    rows = rows.map((x, pos) => {
      const q = rotate(project(normed[pos], `${layer}.self_attn.q_proj`), pos);
      const mixed = attend(q, keys.slice(0, pos + 1), values);
      const y = plus(x, project(mixed, `${layer}.self_attn.o_proj`));
      const h = norm(y, `${layer}.post_attention_layernorm`);
      const up = project(h, `${layer}.mlp.up_proj`);
      const act = project(h, `${layer}.mlp.gate_proj`).map((g, i) => (g / (1 + Math.exp(-g))) * up[i]);
      return plus(y, project(act, `${layer}.mlp.down_proj`));
    });
  }
  return rows.flatMap((x) => project(norm(x, 'model.norm'), 'model.embed_tokens'));
}

/** Roundings that one logit may gather: sums of at most 72 terms, 14 in a row through two layers, doubled for exp. */
const ROUNDINGS = 2 * 14 * 72;

describe('attention_bias and mlp_bias', () => {
  const expected = plainLogits();
  const largest = Math.max(...expected.map(Math.abs));
  const logitsOf = async (model: Awaited<ReturnType<typeof loadModel>>) => {
    const logits = await model.forward(IDS, model.newCache(), { logits: 'all' });
    await model.close();
    return logits;
  };

  it('are seven more tensors a layer, each of them counted', () => {
    const { config, tensors } = checkpoint;
    expect(config).toMatchObject({ qkvBias: true, oBias: true, mlpBias: true });
    expect([...tensors.keys()].filter((name) => name.endsWith('.bias')).length).toBe(14);
    const values = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
    expect(numParameters(config)).toBe(values);
  });

  it('the reference computes what the plain network does', async () => {
    const logits = await logitsOf(await loadModel(checkpoint, { engine: 'reference' }));
    expectClose(logits, expected, ROUNDINGS * EPS64 * largest, 'reference');
  });

  it.each([1, 2])('WASM too, on %d threads, fused where it may', { tags: ['slow'] }, async (threads) => {
    const options = { threads, precision: 'precise' as const };
    const logits = await logitsOf(await loadModel(checkpoint, options, nodePlatform));
    expectClose(logits, expected, ROUNDINGS * EPS32 * largest, 'wasm');
  });

  it('every bias matters: without it the logits are others', { tags: ['slow'] }, async () => {
    for (const [name, tensor] of checkpoint.tensors) {
      if (!name.endsWith('.bias') || name.includes('k_proj')) continue; // adds the same to every score of a query, up to the rotation
      const zeros = { ...tensor, readRows: async () => new Uint8Array(tensor.byteLength) };
      const without = { ...checkpoint, tensors: new Map(checkpoint.tensors).set(name, zeros) };
      const logits = await logitsOf(await loadModel(without, { engine: 'reference' }));
      const difference = Math.max(...expected.map((value, i) => Math.abs(value - logits[i])));
      expect(difference, name).toBeGreaterThan(1e-3);
    }
  });

  it('GGUF keeps them as architecture llama, query and key rows in pairs', async () => {
    const { metadata, tensors } = ggufContentOfHf(checkpoint);
    const written = tensors.map((tensor) => ({
      ...tensor,
      pieces: async function* () {
        yield await tensor.readRows(0, tensor.shape.length === 1 ? 1 : tensor.shape[0]);
      },
    })) as Parameters<typeof writeGguf>[1];
    const pieces: Uint8Array[] = [];
    for await (const piece of writeGguf(metadata, written)) pieces.push(piece.slice());
    const gguf = await readGguf(bytesSource('biased.gguf', new Uint8Array(Buffer.concat(pieces))));
    expect(gguf.metadata['general.architecture']).toBe('llama');
    expect(tensors.map(({ name }) => name)).toContain('blk.1.ffn_down.bias');
    const logits = await logitsOf(await loadModel(gguf, { engine: 'reference' }));
    // The file holds eps and theta in float32: 1e-5 is off by 3e-13, theta exact.
    expectClose(logits, expected, ROUNDINGS * EPS32 * largest, 'gguf');
  });

  it('config.json says them, and refuses what neither Llama nor Qwen2 has', () => {
    const { config } = checkpoint;
    expect(hfConfigJson(config)).toMatchObject({ model_type: 'llama', attention_bias: true, mlp_bias: true });
    const qwen = hfConfigJson({ ...config, oBias: false, mlpBias: false });
    expect(qwen).toMatchObject({ model_type: 'qwen2' });
    expect(hfConfigJson({ ...config, qkvBias: false, oBias: false })).toMatchObject({
      model_type: 'llama',
      attention_bias: false,
      mlp_bias: true,
    });
    expect(() => hfConfigJson({ ...config, oBias: false })).toThrow(
      /config\.json: expected biases on q, k, v/,
    );
    expect(() => hfConfigJson({ ...config, qkvBias: false })).toThrow(/some on o alone/);
  });
});
