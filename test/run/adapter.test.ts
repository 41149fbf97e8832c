// LoRA at run time: an adapter beside weights that stay as they are, four bits or float32.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import { attachAdapter } from '../../src/format/attach-adapter.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { withAdapter } from '../../src/format/merge-adapter.ts';
import { adapterFiles, type LoraAdapter } from '../../src/format/peft.ts';
import type { Model } from '../../src/model/model.ts';
import { load } from '../../src/node/index.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { type LoadOptions, loadModel } from '../../src/run/load.ts';
import { planBytes, planModel } from '../../src/run/plan.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';
import { randomF32 } from '../support/wasm.ts';

const PARTS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj'];
const ALL = [...PARTS, 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const IDS = Array.from({ length: 20 }, (_, i) => (i * 37 + 5) % 83);

/** An adapter of rank 5 whose product is about as large as a weight. */
function adapterOf({ config, tensors }: Checkpoint, parts: readonly string[]): LoraAdapter {
  const rank = 5;
  const modules = new Map(
    Array.from({ length: config.numLayers }, (_, l) => parts.map((part) => `model.layers.${l}.${part}`))
      .flat()
      .map((module, i) => {
        const [outSize, inSize] = tensors.get(`${module}.weight`)!.shape;
        const a = randomF32(rank * inSize, 2 * i, 0.1);
        return [module, { a, b: randomF32(outSize * rank, 2 * i + 1, 0.1), inSize, outSize }] as const;
      }),
  );
  return { rank, alpha: 10, scale: 2, modules };
}

async function logitsOf(checkpoint: Checkpoint, options: LoadOptions): Promise<Float64Array> {
  const model: Model = await loadModel(checkpoint, { maxSeqLen: 32, threads: 1, ...options }, nodePlatform);
  try {
    return Float64Array.from(await model.forward(IDS, model.newCache(), { logits: 'all' }));
  } finally {
    await model.close();
  }
}

/** Largest difference, as a share of the largest value. */
function deviation(found: Float64Array, wanted: Float64Array): number {
  const largest = wanted.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return found.reduce((max, value, i) => Math.max(max, Math.abs(value - wanted[i])), 0) / largest;
}

describe('an adapter beside the weights', () => {
  it('gives the logits of one that was added into them', { tags: ['slow'] }, async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const adapter = adapterOf(checkpoint, ALL);
    const [plain, beside, merged] = await Promise.all(
      [checkpoint, attachAdapter(checkpoint, adapter), withAdapter(checkpoint, adapter)].map((one) =>
        logitsOf(one, { engine: 'reference' }),
      ),
    );
    expect(deviation(beside, plain)).toBeGreaterThan(0.05);
    // What is merged is rounded to float32 once a weight.
    expect(deviation(beside, merged)).toBeLessThan(1e-5);
    expect(deviation(await logitsOf(attachAdapter(checkpoint, adapter), {}), beside)).toBeLessThan(1e-4);
  });

  it.each(['Q4_0', 'Q8_0', 'F16'] satisfies DType[])(
    'leaves %s as it is, and gives the same bits on one thread and on two',
    { tags: ['slow'] },
    async (dtype) => {
      const checkpoint = randomCheckpoint(SMALL_CONFIG, (name) => (name.includes('norm') ? 'F32' : dtype));
      // Layers differ: fused where there is nothing beside them.
      const some = adapterOf(checkpoint, ['self_attn.q_proj', 'mlp.down_proj']);
      const first = [...some.modules].filter(([module]) => module.includes('.0.'));
      const adapted = attachAdapter(checkpoint, { ...some, modules: new Map(first) });
      const exact = await logitsOf(adapted, { engine: 'reference' });
      const precise = await logitsOf(adapted, { precision: 'precise' });
      expect(deviation(precise, exact)).toBeLessThan(1e-4);
      expect(deviation(await logitsOf(checkpoint, { engine: 'reference' }), exact)).toBeGreaterThan(3e-4);
      const one = await logitsOf(adapted, { threads: 1 });
      expect(await logitsOf(adapted, { threads: 2 })).toEqual(one);
    },
  );

  it('is in the plan of the memory', { tags: ['slow'] }, () => {
    const checkpoint = randomCheckpoint(SMALL_CONFIG, () => 'F32');
    const options = { maxSeqLen: 32, cacheType: 'f32', threads: 1, rowsPerPass: 32 } as const;
    const bytes = (of: Checkpoint) => planBytes(planModel(of.config, of.tensors.values(), options));
    const adapted = attachAdapter(checkpoint, adapterOf(checkpoint, ALL));
    const widest = Math.max(SMALL_CONFIG.hiddenSize, SMALL_CONFIG.intermediateSize);
    expect(bytes(adapted) - bytes(checkpoint)).toBeGreaterThan(4 * 32 * (5 + widest));
  });

  it('of another module is refused by name', async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const { a, b, inSize, outSize } = [...adapterOf(checkpoint, ALL).modules.values()][0];
    const modules = new Map([['model.embed_tokens', { a, b, inSize, outSize }]]);
    expect(() => attachAdapter(checkpoint, { rank: 5, alpha: 5, scale: 1, modules })).toThrow(
      'adapter: expected matrices of layers only, got model.embed_tokens; smollm2 convert adds that into the weights',
    );
  });
});

describe('a folder with an adapter', () => {
  const folder = makeTinyFolder();
  const at = mkdtempSync(join(tmpdir(), 'smollm2-adapter-'));
  afterAll(() => {
    for (const path of [folder, at]) rmSync(path, { recursive: true });
  });

  it('is named on the command line and to load()', { tags: ['slow'] }, async () => {
    const checkpoint = await tinyCheckpoint('gqa');
    const adapter = adapterOf(checkpoint, ALL);
    for (const { path, bytes } of adapterFiles(adapter, checkpoint.config))
      writeFileSync(join(at, path), bytes);
    const words = ['generate', '-m', folder, '--raw', 'ab', '--max-tokens', '12', '--threads', '1'];
    const plain = await runCli(words);
    const adapted = await runCli([...words, '--adapter', at]);
    expect([plain.code, adapted.code, plain.stdout === adapted.stdout]).toEqual([0, 0, false]);
    const prints = [undefined, at].map(async (path) => {
      const smol = await load(folder, { threads: 1, ...(path && { adapter: path }) });
      const print = await smol.systemFingerprint();
      await smol.close();
      return print;
    });
    expect(new Set(await Promise.all(prints)).size).toBe(2);
    const missing = await runCli([...words, '--adapter', folder]);
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('adapter_config.json');
  });
});
