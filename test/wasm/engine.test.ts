import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import type { ModelConfig } from '../../src/config.ts';
import { loadWeights } from '../../src/model/weights.ts';
import { loadModel } from '../../src/run/load.ts';
import { type LoadedModel, modelHere } from '../../src/run/loaded-model.ts';
import type { WasmEngine } from '../../src/wasm/engine.ts';
import type { CacheType, Precision } from '../../src/wasm/options.ts';
import { memoryPlan } from '../../src/wasm/plan.ts';
import { maxAbs, maxDifference } from '../support/close.ts';
import { ODD_CONFIG, randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { bitsOf, wasmEngine } from '../support/wasm.ts';

type Types = DType | 'mixed';

/** As K-quantised files are: values and down projections in another type. */
const dtypeOf = (types: Types) => (name: string) =>
  types !== 'mixed'
    ? types
    : /v_proj|down|embed/.test(name)
      ? 'Q8_0'
      : /up_proj/.test(name)
        ? 'Q5_1'
        : 'Q4_1';

interface Choice {
  config: ModelConfig;
  types: Types;
  precision: Precision;
  cacheType: CacheType;
}

const CHOICES: Choice[] = [
  { config: SMALL_CONFIG, types: 'Q4_1', precision: 'fast', cacheType: 'f32' },
  { config: SMALL_CONFIG, types: 'Q4_1', precision: 'precise', cacheType: 'f32' },
  { config: SMALL_CONFIG, types: 'Q8_0', precision: 'precise', cacheType: 'f16' },
  { config: SMALL_CONFIG, types: 'mixed', precision: 'fast', cacheType: 'q8' },
  { config: SMALL_CONFIG, types: 'mixed', precision: 'fast', cacheType: 'f32' },
  { config: SMALL_CONFIG, types: 'F32', precision: 'fast', cacheType: 'f32' },
  { config: SMALL_CONFIG, types: 'BF16', precision: 'precise', cacheType: 'f32' },
  { config: ODD_CONFIG, types: 'F32', precision: 'fast', cacheType: 'f32' },
];

const IDS = Array.from({ length: 150 }, (_, t) => (t * 37 + 11) % 61);

async function modelOf(
  { config, types, precision, cacheType }: Choice,
  change: (engine: WasmEngine) => void = () => {},
): Promise<LoadedModel> {
  const checkpoint = randomCheckpoint(config, dtypeOf(types));
  const engine = wasmEngine({ precision, cacheType, headDim: config.headDim });
  change(engine);
  return modelHere(engine, config, await loadWeights(engine, config, checkpoint.tensors));
}

async function logitsInChunks(model: LoadedModel, chunk: number): Promise<Float32Array> {
  const cache = model.newCache(IDS.length);
  const rows = new Float32Array(IDS.length * model.config.vocabSize);
  for (let begin = 0; begin < IDS.length; begin += chunk) {
    const some = await model.forward(IDS.slice(begin, begin + chunk), cache, { logits: 'all' });
    rows.set(some, begin * model.config.vocabSize);
  }
  model.freeCache(cache);
  return rows;
}

describe.each(CHOICES)('$types, $precision, cache $cacheType, hiddenSize $config.hiddenSize', (choice) => {
  it('150 rows have the same bits in chunks of 1, 7, 64 and whole', { tags: ['slow'] }, async () => {
    const model = await modelOf(choice);
    const whole = await logitsInChunks(model, IDS.length);
    expect(maxAbs(whole)).toBeGreaterThan(0.1);
    for (const chunk of [1, 7, 64]) expect(bitsOf(await logitsInChunks(model, chunk))).toBe(bitsOf(whole));
  });

  it('fused operations give the bits of their parts', { tags: ['slow'] }, async () => {
    const fused = await logitsInChunks(await modelOf(choice), 64);
    const parts = await modelOf(choice, (engine) =>
      Object.defineProperty(engine, 'fused', { value: undefined }),
    );
    expect(bitsOf(await logitsInChunks(parts, 64))).toBe(bitsOf(fused));
    expect(bitsOf(await logitsInChunks(parts, 1))).toBe(bitsOf(fused));
  });

  it('a traced pass gives the bits of an untraced one', { tags: ['slow'] }, async () => {
    const model = await modelOf(choice);
    const plain = await logitsInChunks(model, IDS.length);
    const points = new Set<string>();
    const logits = await model.forward(IDS, model.newCache(), {
      logits: 'all',
      trace: (name) => points.add(name),
    });
    expect(bitsOf(logits)).toBe(bitsOf(plain));
    expect(points).toContain('model.layers.1.self_attn.attn_probs');
  });
});

describe('against the float64 reference', () => {
  // One int16 per activation is good for 2^-16 of a block's largest value; three layers of small random numbers
  // leave a few times that of the largest logit. precise: a few roundings of float32.
  it.each([
    ['Q4_1', 'fast', 2e-4],
    ['Q4_1', 'precise', 2e-6],
    ['Q8_0', 'precise', 2e-6],
    ['mixed', 'precise', 2e-6],
    ['F16', 'fast', 2e-6],
    ['BF16', 'fast', 2e-6],
  ] as const)(
    '%s in %s is within %f of the largest logit',
    { tags: ['slow'] },
    async (types, precision, tolerance) => {
      const choice: Choice = { config: SMALL_CONFIG, types, precision, cacheType: 'f32' };
      const got = await logitsInChunks(await modelOf(choice), 64);
      const checkpoint = randomCheckpoint(SMALL_CONFIG, dtypeOf(types));
      const reference = await loadModel(checkpoint, { engine: 'reference' });
      const expected = await reference.forward(IDS, reference.newCache(), { logits: 'all' });
      expect(maxDifference(got, expected).difference / maxAbs(expected)).toBeLessThan(tolerance);
    },
  );
});

describe('memory of the engine', () => {
  it('caches grow by pages and give them back: 50 caches of 512 positions take the room of one', async () => {
    const model = await modelOf(CHOICES[0]);
    const engine = wasmEngine();
    const cache = engine.kvCache(SMALL_CONFIG, 512);
    expect(engine.usage().get('cache')).toBeLessThan(1000);
    engine.reserve(cache, 1);
    const onePage = engine.usage().get('cache') as number;
    expect(onePage).toBeGreaterThanOrEqual(2 * 2 * 3 * 64 * 128 * 4);
    engine.reserve(cache, 129);
    expect((engine.usage().get('cache') as number) / onePage).toBeCloseTo(2, 2);
    engine.freeCache(cache);
    const size = engine.linearMemory.buffer.byteLength;
    for (let i = 0; i < 50; i++) {
      const again = engine.kvCache(SMALL_CONFIG, 512);
      engine.reserve(again, 512);
      engine.freeCache(again);
    }
    expect(engine.linearMemory.buffer.byteLength).toBeLessThanOrEqual(size + 2 * onePage + 2 ** 24);
    expect(model.config).toBe(SMALL_CONFIG);
  });

  it('a loaded model with a full cache takes what the plan said, within 2 %', {
    tags: ['slow'],
  }, async () => {
    const checkpoint = randomCheckpoint(SMALL_CONFIG, () => 'Q4_1');
    const engine = wasmEngine();
    await loadWeights(engine, SMALL_CONFIG, checkpoint.tensors);
    const cache = engine.kvCache(SMALL_CONFIG, 512);
    engine.reserve(cache, 512);
    const options = { maxSeqLen: 512, cacheType: 'f32', threads: 3 } as const;
    const plan = memoryPlan(SMALL_CONFIG, checkpoint.tensors.values(), options);
    engine.scratch.team(3);
    const used = engine.usage();
    for (const [name, part] of [
      ['weights', 0],
      ['cache', 1],
      ['scratch', 3],
    ] as const) {
      expect(Math.abs((used.get(name) as number) / plan[part].bytes - 1), name).toBeLessThan(0.02);
    }
  });

  it('release gives back the vectors made since a mark, and nothing else', () => {
    const engine = wasmEngine();
    const kept = engine.vector(100);
    engine.write(kept, new Float32Array(100).fill(7));
    const mark = engine.mark();
    const first = engine.vector(1000);
    engine.release(mark);
    expect(engine.vector(1000).ptr).toBe(first.ptr);
    expect(engine.readNow(kept)).toEqual(new Float32Array(100).fill(7));
  });

  it('a cache that was freed is refused', () => {
    const engine = wasmEngine();
    const cache = engine.kvCache(SMALL_CONFIG, 512);
    engine.freeCache(cache);
    expect(() => engine.reserve(cache, 1)).toThrow(/cache: expected a cache in use, got one that was freed/);
  });

  it('addresses beyond 2 GB give the bits of low ones', { tags: ['slow'] }, async () => {
    const low = await logitsInChunks(await modelOf(CHOICES[0]), 64);
    const high = await modelOf(CHOICES[0], (engine) => {
      // Three pages of 0.8 GB that nobody touches: they take addresses, not memory.
      const giant = { ...SMALL_CONFIG, numLayers: 400, numKvHeads: 32 };
      engine.reserve(engine.kvCache(giant, 512), 384);
      expect(engine.vector(1).ptr).toBeGreaterThan(2 ** 31);
    });
    expect(bitsOf(await logitsInChunks(high, 64))).toBe(bitsOf(low));
  });

  it('what does not fit is refused with the sum by name', async () => {
    const engine = wasmEngine({ maximum: 24 });
    const cache = engine.kvCache(SMALL_CONFIG, 512);
    const fill = () => engine.reserve(cache, 512);
    expect(fill).toThrow(/more bytes for cache do not fit/);
    try {
      fill();
    } catch (error) {
      expect((error as { plan: string }).plan).toMatch(/MB {2}cache\n.*MB {2}in all$/s);
    }
  });
});
