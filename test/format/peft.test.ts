import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/base/errors.ts';
import type { ModelConfig } from '../../src/config.ts';
import { adapterFiles, type LoraAdapter, readAdapter } from '../../src/format/peft.ts';
import { writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';

const config: ModelConfig = {
  vocabSize: 96,
  hiddenSize: 8,
  intermediateSize: 12,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 1,
  headDim: 4,
  maxSeqLen: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  qkvBias: false,
  tiedEmbeddings: true,
  eosIds: [0],
};

function adapter(names: readonly string[]): LoraAdapter {
  const modules = names.map((name, i) => {
    const outSize = name.endsWith('v_proj') ? 4 : 8;
    const a = Float32Array.from({ length: 2 * 8 }, (_, n) => n / 7 + i);
    return [
      name,
      { a, b: Float32Array.from({ length: outSize * 2 }, (_, n) => -n / 3), inSize: 8, outSize },
    ] as const;
  });
  return { rank: 2, alpha: 4, scale: 2, modules: new Map(modules), baseModel: 'tiny' };
}

const everywhere = [0, 1].flatMap((l) =>
  ['q_proj', 'v_proj'].map((part) => `model.layers.${l}.self_attn.${part}`),
);

/** Opens files in memory, some replaced. */
function opener(files: Readonly<Record<string, Uint8Array>>) {
  return async (name: string) => {
    if (!files[name]) throw new UnavailableError(`${name}: none`);
    return bytesSource(name, files[name]);
  };
}

const written = (value: LoraAdapter) =>
  Object.fromEntries(adapterFiles(value, config).map(({ path, bytes }) => [path, bytes]));
const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('an adapter', () => {
  it('comes back as it was written', async () => {
    const before = adapter(everywhere);
    const after = await readAdapter(opener(written(before)), 'a', config);
    expect(after).toEqual(before);
  });

  it('names its modules as PEFT does: short where every layer has them', () => {
    expect(json(written(adapter(everywhere))['adapter_config.json'])).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      target_modules: ['q_proj', 'v_proj'],
      base_model_name_or_path: 'tiny',
    });
    const first = everywhere.slice(0, 2);
    expect(json(written(adapter(first))['adapter_config.json']).target_modules).toEqual(first);
  });

  it('of rank-stabilised LoRA is scaled by the root of the rank', async () => {
    const files = written(adapter(everywhere));
    const settings = json(files['adapter_config.json']);
    const changed = { ...files, 'adapter_config.json': encoded({ ...settings, use_rslora: true }) };
    expect((await readAdapter(opener(changed), 'a', config)).scale).toBe(4 / Math.sqrt(2));
    const again = adapterFiles({ ...adapter(everywhere), scale: 4 / Math.sqrt(2) }, config);
    expect(json(again[0].bytes).use_rslora).toBe(true);
  });
});

it.each([true, false, 'gaussian', 'eva', 'orthogonal', null])(
  'an adapter that began with %j is read: the base model is as it was',
  async (init_lora_weights) => {
    const files = written(adapter(everywhere));
    const settings = { ...json(files['adapter_config.json']), init_lora_weights };
    const changed = { ...files, 'adapter_config.json': encoded(settings) };
    expect((await readAdapter(opener(changed), 'a', config)).scale).toBe(2);
  },
);

describe('what is refused', () => {
  it.each([
    [{ peft_type: 'LOHA' }, 'peft_type: expected "LORA", got "LOHA"'],
    [{ use_dora: true }, 'use_dora: expected a setting without effect, got true'],
    [{ bias: 'all' }, 'bias: expected a setting without effect'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save: expected a setting without effect'],
    ...['pissa', 'pissa_niter_4', 'olora', 'corda', 'loftq', 'lora_ga'].map((start): [object, string] => [
      { init_lora_weights: start },
      `init_lora_weights: expected a setting without effect, got "${start}"`,
    ]),
    [{ use_rslora: 'true' }, 'use_rslora: expected true or false, got "true"'],
    [{ r: 0 }, 'r: expected a rank from 1 on, got 0'],
    [{ r: 3 }, 'lora_A.weight: expected [3, 8], got [2, 8]'],
    [{ lora_alpha: '4' }, 'lora_alpha: expected a number, got "4"'],
  ])('settings %j', async (changes, message) => {
    const files = written(adapter(everywhere));
    const settings = { ...json(files['adapter_config.json']), ...changes };
    const read = readAdapter(opener({ ...files, 'adapter_config.json': encoded(settings) }), 'a', config);
    await expect(read).rejects.toThrow(message);
  });

  const a = { shape: [2, 8], values: new Float32Array(16) };
  const b = { shape: [8, 2], values: new Float32Array(16) };
  const q = 'base_model.model.model.layers.0.self_attn.q_proj';
  it.each([
    [
      'a module that the model has not',
      [{ name: `${q.replace('0', '5')}.lora_A.weight`, ...a }],
      'a module of the model',
    ],
    ['half a module', [{ name: `${q}.lora_A.weight`, ...a }], 'lora_B.weight: expected [8, 2], got none'],
    ['the other half', [{ name: `${q}.lora_B.weight`, ...b }], 'expected a lora_A beside it'],
    ['something else', [{ name: `${q}.magnitude`, ...b }], 'expected lora_A or lora_B'],
    ['nothing', [], 'expected modules, got none'],
    [
      'a value that is none',
      [
        { name: `${q}.lora_A.weight`, shape: [2, 8], values: new Float32Array(16).fill(Number.NaN) },
        { name: `${q}.lora_B.weight`, ...b },
      ],
      'expected finite values',
    ],
  ])('%s', async (_, tensors, message) => {
    const files = { ...written(adapter(everywhere)), 'adapter_model.safetensors': writeSafetensors(tensors) };
    await expect(readAdapter(opener(files), 'a', config)).rejects.toThrow(message);
  });
});
