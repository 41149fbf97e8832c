import { afterAll, describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../src/base/errors.ts';
import { generate } from '../../src/generate/generate.ts';
import type { Timeline } from '../../src/generate/options.ts';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import type { LoadedModel } from '../../src/run/loaded-model.ts';
import { PrefixCache } from '../../src/run/prefix-cache.ts';
import { restoreSnapshot, saveSnapshot } from '../../src/run/snapshot.ts';
import type { WasmEngine } from '../../src/wasm/engine.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';

const checkpoint = randomCheckpoint({ ...SMALL_CONFIG, maxSeqLen: 700 }, () => 'Q4_1');
const idsOf = (length: number, seed: number) => Array.from({ length }, (_, t) => (t * 37 + seed * 11) % 61);
const tokenizer = { eosIds: [2], decoder: () => ({ push: (id: number) => `${id} `, end: () => '' }) };

const open: Model[] = [];
afterAll(() => Promise.all(open.map((model) => model.close())));

async function loaded(
  engine: 'wasm' | 'reference',
  cacheType: 'f32' | 'f16' | 'q8' = 'f32',
): Promise<LoadedModel> {
  const options = engine === 'reference' ? { engine } : ({ engine, cacheType, threads: 1 } as const);
  const model = (await loadModel(checkpoint, options, nodePlatform)) as LoadedModel;
  open.push(model);
  return model;
}

/** Logits after `ids`, alone. */
const alone = (model: Model, ids: readonly number[]) => model.forward(ids, model.newCache());

/** Runs what of `ids` a timeline lacks, as an answer would. */
async function filled(model: Model, timeline: Timeline, ids: readonly number[]) {
  const logits = await model.forward(ids.slice(timeline.cache.length), timeline.cache);
  timeline.ids = [...ids];
  return logits;
}

describe.each([
  ['wasm', 'f32'],
  ['wasm', 'f16'],
  ['wasm', 'q8'],
  ['reference', 'f32'],
] as const)('forkCache on %s %s', (engine, cacheType) => {
  it('begins with the same bits, and neither sees what the other writes', { tags: ['slow'] }, async () => {
    const model = await loaded(engine, cacheType);
    // The reference has no pages of 128 positions, and takes its time.
    const [size, kept] = engine === 'reference' ? [130, 120] : [300, 200];
    const ids = idsOf(size, 1);
    const cache = model.newCache();
    await model.forward(ids, cache);
    for (const length of [1, 127, 128, 129, 256, 300].filter((one) => one <= size)) {
      const fork = model.forkCache(cache, length);
      expect(fork.length).toBe(length);
      const other = [...ids.slice(0, length), 5, 6, 7];
      expect(await model.forward(other.slice(length), fork)).toEqual(await alone(model, other));
      model.freeCache(fork);
    }
    // Back inside a shared page: both write to it.
    const fork = model.forkCache(cache, size);
    fork.length = kept;
    cache.length = 100;
    expect(await model.forward([9], fork)).toEqual(await alone(model, [...ids.slice(0, kept), 9]));
    expect(await model.forward([8], cache)).toEqual(await alone(model, [...ids.slice(0, 100), 8]));
    expect(await model.forward([7], fork)).toEqual(await alone(model, [...ids.slice(0, kept), 9, 7]));
    expect(() => model.forkCache(cache, 102)).toThrow(RangeError);
  });
});

describe('forkCache', () => {
  it('shares whole pages, and gives them back with the last cache', { tags: ['slow'] }, async () => {
    const model = await loaded('wasm');
    const { engine } = model as unknown as { engine: WasmEngine };
    const used = () => engine.usage().get('cache') ?? 0;
    const cache = model.newCache();
    await model.forward(idsOf(300, 1), cache);
    const bytes = model.cacheBytes([cache]);
    const forks = [300, 256, 100].map((length) => model.forkCache(cache, length));
    expect(model.cacheBytes([cache, forks[1]])).toBe(bytes);
    expect(model.cacheBytes([cache, ...forks])).toBe((bytes / 3) * 5);
    model.freeCache(cache);
    expect(await model.forward([4], forks[1])).toHaveLength(SMALL_CONFIG.vocabSize);
    for (const fork of forks) model.freeCache(fork);
    expect(used()).toBe(0);
  });
});

describe('PrefixCache', () => {
  it('gives what is known of a prompt, with the bits of a new computation', { tags: ['slow'] }, async () => {
    const model = await loaded('wasm');
    const caches = new PrefixCache(model);
    const system = idsOf(40, 1);
    const prompts = [[...system, 1, 2, 3], [...system, 4], [...system, 1, 2, 3, 9, 9], idsOf(20, 9)];
    const known: number[] = [];
    for (const ids of [...prompts, prompts[0]]) {
      const timeline = await caches.take(ids);
      known.push(timeline.ids.length);
      expect(timeline.ids).toEqual(ids.slice(0, timeline.cache.length));
      expect(await filled(model, timeline, ids)).toEqual(await alone(model, ids));
      caches.give(timeline);
    }
    expect(known).toEqual([0, 40, 43, 0, 42]);
    expect(caches.usage).toMatchObject({ caches: 3, askedIds: 192, cachedIds: 125 });
    caches.close();
    expect(caches.usage).toMatchObject({ caches: 0, bytes: 0 });
  });

  it('lets prompts that begin alike wait for the first, and computes their beginning once', {
    tags: ['slow'],
  }, async () => {
    const model = await loaded('wasm');
    const caches = new PrefixCache(model);
    const system = idsOf(300, 2);
    const ask = async (ids: readonly number[]) => {
      const timeline = await caches.take(ids);
      const options = {
        timeline,
        maxTokens: 4,
        temperature: 0,
        onPromptProgress: () => caches.advance(timeline),
      };
      const run = generate(model, tokenizer, ids, options);
      let step = await run.next();
      while (!step.done) step = await run.next();
      caches.give(timeline);
      return step.value;
    };
    const results = await Promise.all([1, 2, 3, 4].map((n) => ask([...system, n, n, n])));
    expect(results.map(({ usage }) => usage.cachedTokens)).toEqual([0, 300, 300, 300]);
    for (const [n, { ids }] of results.entries()) {
      const run = generate(model, tokenizer, [...system, n + 1, n + 1, n + 1], {
        maxTokens: 4,
        temperature: 0,
      });
      let step = await run.next();
      while (!step.done) step = await run.next();
      expect(ids).toEqual(step.value.ids);
    }
  });

  it('lets go who waits, when the first gives up and when its own signal comes', async () => {
    const model = await loaded('reference');
    const caches = new PrefixCache(model);
    const first = await caches.take(idsOf(50, 3));
    const stop = new AbortController();
    const waiting = [caches.take(idsOf(50, 3)), caches.take(idsOf(50, 3), stop.signal)];
    stop.abort();
    expect((await waiting[1]).ids).toEqual([]);
    caches.give(first);
    caches.give(await waiting[1]);
    expect((await waiting[0]).ids).toEqual([]);
  });

  it('keeps no more than it may, the newest', { tags: ['slow'] }, async () => {
    const model = await loaded('wasm');
    const one = model.newCache();
    await model.forward([1], one);
    const caches = new PrefixCache(model, { maxBytes: 2 * model.cacheBytes([one]) });
    for (let n = 0; n < 4; n++) {
      const timeline = await caches.take(idsOf(30, n));
      await filled(model, timeline, idsOf(30, n));
      caches.give(timeline);
      const kept = await caches.take(idsOf(30, 0)); // used again each time, so it stays
      expect(kept.ids.length).toBe(29);
      caches.give(kept);
    }
    expect(caches.usage.caches).toBe(2);
    const lengths = await Promise.all(
      [1, 2, 3].map(async (n) => (await caches.take(idsOf(30, n))).ids.length),
    );
    expect(lengths).toEqual([0, 0, 29]);
    expect(() => new PrefixCache(model, { maxBytes: -1 })).toThrow(RangeError);
  });

  it('begins with a snapshot', { tags: ['slow'] }, async () => {
    const model = await loaded('wasm');
    const caches = new PrefixCache(model);
    caches.give(await restoreSnapshot(model, await saveSnapshot(model, idsOf(150, 4))));
    const timeline = await caches.take([...idsOf(150, 4), 7]);
    expect(timeline.ids.length).toBe(150);
    expect(await model.forward([7], timeline.cache)).toEqual(await alone(model, [...idsOf(150, 4), 7]));
  });

  it('gives memory to a pass that lacks it', { tags: ['slow'] }, async () => {
    const model = await loaded('wasm');
    const caches = new PrefixCache(model);
    const timeline = await caches.take(idsOf(30, 1));
    await filled(model, timeline, idsOf(30, 1));
    caches.give(timeline);
    const { engine } = model as unknown as { engine: { reserve: (...args: unknown[]) => void } };
    const reserve = engine.reserve.bind(engine);
    engine.reserve = (...args) => {
      if (caches.usage.caches > 0) throw new OutOfMemoryError('full', '');
      reserve(...args);
    };
    expect(await model.forward([1, 2], model.newCache())).toHaveLength(SMALL_CONFIG.vocabSize);
    engine.reserve = () => {
      throw new OutOfMemoryError('full', '');
    };
    await expect(model.forward([1, 2], model.newCache())).rejects.toThrow(OutOfMemoryError);
    engine.reserve = reserve;
    expect(await model.forward([1, 2], model.newCache())).toHaveLength(SMALL_CONFIG.vocabSize);
  });
});
