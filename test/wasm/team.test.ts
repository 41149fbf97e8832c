import { afterAll, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../../src/base/errors.ts';
import type { Model } from '../../src/model/model.ts';
import { loadModel as loadInNode } from '../../src/node/index.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import type { WasmEngine } from '../../src/wasm/engine.ts';
import { activeIn, FINISHED, GENERATION, jobWords, nextGeneration } from '../../src/wasm/job.ts';
import type { CacheType, Precision } from '../../src/wasm/options.ts';
import { Pace } from '../../src/wasm/pace.ts';
import type { TeamWorker, WasmPlatform } from '../../src/wasm/platform.ts';
import { ODD_CONFIG, randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { bitsOf } from '../support/wasm.ts';

const IDS = Array.from({ length: 200 }, (_, t) => (t * 37 + 11) % 61);

const open: Model[] = [];
afterAll(() => Promise.all(open.map((model) => model.close())));

interface Choice {
  threads: number;
  precision?: Precision;
  cacheType?: CacheType;
  platform?: WasmPlatform;
  config?: typeof SMALL_CONFIG;
}

/** A small model on a team; 0 threads: in the calling thread, without shared memory. */
async function modelOn(choice: Choice): Promise<Model> {
  const { threads, config = SMALL_CONFIG, precision = 'fast', cacheType = 'f32' } = choice;
  const alone = { ...nodePlatform, spawn: undefined };
  const platform = threads === 0 ? alone : (choice.platform ?? nodePlatform);
  const checkpoint = randomCheckpoint(config, () => 'Q4_1');
  const options = { precision, cacheType, threads: Math.max(1, threads) };
  const model = await loadModel(checkpoint, options, platform);
  open.push(model);
  return model;
}

/** Logits of a prompt, then of tokens one by one: both kinds of passes, over the edge of two pages. */
async function logitsOf(model: Model, chunk = IDS.length): Promise<string> {
  const cache = model.newCache(IDS.length + 70);
  const all: ArrayLike<number>[] = [];
  for (let begin = 0; begin < IDS.length; begin += chunk) {
    all.push(await model.forward(IDS.slice(begin, begin + chunk), cache));
  }
  for (let n = 0; n < 64; n++) all.push(await model.forward([IDS[n]], cache));
  model.freeCache(cache);
  return bitsOf(...all);
}

describe.each([
  { precision: 'fast', cacheType: 'f32', config: SMALL_CONFIG },
  { precision: 'precise', cacheType: 'f16', config: SMALL_CONFIG },
  { precision: 'fast', cacheType: 'q8', config: SMALL_CONFIG },
  { precision: 'fast', cacheType: 'f32', config: ODD_CONFIG },
] as const)('teams, $precision, cache $cacheType, hiddenSize $config.hiddenSize', (choice) => {
  it('1, 2, 3 and 4 workers give the bits of the calling thread', { tags: ['slow'] }, async () => {
    const alone = await logitsOf(await modelOn({ ...choice, threads: 0 }));
    for (const threads of [1, 2, 3, 4]) {
      const model = await modelOn({ ...choice, threads });
      expect(await logitsOf(model)).toEqual(alone);
      await model.close();
    }
  });
});

describe('a team', () => {
  it('computes the rows of a batch as each sequence alone', { tags: ['slow'] }, async () => {
    const model = await modelOn({ threads: 2 });
    const [a, b] = [model.newCache(300), model.newCache(300)];
    await model.forward(IDS, a);
    await model.forward(IDS.slice(0, 5), b);
    const together = await model.run([
      { ids: [7], cache: a },
      { ids: [8, 9], cache: b },
    ]);
    const [c, d] = [model.newCache(300), model.newCache(300)];
    await model.forward(IDS, c);
    await model.forward(IDS.slice(0, 5), d);
    expect(together).toEqual([[await model.forward([7], c)], [await model.forward([8, 9], d)]]);
  });

  it('hears of the end of a pass by message where shared memory cannot be awaited', {
    tags: ['slow'],
  }, async () => {
    const byMessage = await modelOn({ threads: 2, platform: { ...nodePlatform, canWaitAsync: false } });
    expect(await logitsOf(byMessage)).toBe(await logitsOf(await modelOn({ threads: 0 })));
  });

  it('notifications that come late or twice change nothing, for workers and caller', {
    tags: ['slow'],
  }, async () => {
    const model = await modelOn({ threads: 3 });
    const plain = await modelOn({ threads: 0 });
    const { engine } = model as unknown as { engine: WasmEngine };
    const words = jobWords(engine.linearMemory, engine.scratch.jobPtr);
    const [a, b] = [model.newCache(300), plain.newCache(300)];
    for (let n = 0; n < 30; n++) {
      await new Promise((resolve) => setTimeout(resolve, 2)); // by now all workers wait
      Atomics.notify(words, GENERATION);
      const pending = model.forward([n], a);
      for (let turn = 0; turn < 5; turn++) {
        await Promise.resolve();
        Atomics.notify(words, FINISHED);
      }
      expect(bitsOf(await pending)).toBe(bitsOf(await plain.forward([n], b)));
    }
  });

  // The number of a job and its workers were two words once: a worker that sat a job out and looked while the next one
  // was written took the old number with the new workers. Beside busy loops about one pass in 50,000 hung.
  it('passes alone and together, in turn, all end and have the same bits', {
    timeout: 120_000,
    tags: ['slow'],
  }, async () => {
    let pass = 0;
    const next = vi.spyOn(Pace.prototype, 'next').mockImplementation(() => (pass++ % 2) + 1);
    const model = await modelOn({ threads: 2 });
    const want = bitsOf(await model.forward([7], model.newCache(8)));
    for (let n = 0; n < 1000; n++) {
      const cache = model.newCache(8);
      expect(bitsOf(await model.forward([7], cache))).toBe(want);
      model.freeCache(cache);
    }
    next.mockRestore();
  });

  it('a job is known by one word: its number and its workers, also where the number wraps', () => {
    expect(nextGeneration(nextGeneration(0, 1), 2)).not.toBe(nextGeneration(nextGeneration(0, 2), 1));
    const last = 0x7fffff03;
    const wrapped = nextGeneration(last, 64);
    expect(wrapped).toBe(wrapped | 0);
    expect(activeIn(wrapped)).toBe(64);
    expect(nextGeneration(wrapped, 64)).not.toBe(wrapped);
    expect(activeIn(nextGeneration(-256 | 3, 2))).toBe(2);
  });

  it('takes calls made at once one after the other', { tags: ['slow'] }, async () => {
    const model = await modelOn({ threads: 2 });
    const prompts = [IDS.slice(0, 9), IDS.slice(3, 150), IDS.slice(5, 6)];
    const one = [];
    for (const ids of prompts) one.push(await model.forward(ids, model.newCache(200)));
    expect(await Promise.all(prompts.map((ids) => model.forward(ids, model.newCache(200))))).toEqual(one);
  });

  it('survives the death of a worker in the middle of a call: EngineError, then the right answer', {
    tags: ['slow'],
  }, async () => {
    const workers: TeamWorker[] = [];
    const spawn: WasmPlatform['spawn'] = (listener) => {
      const worker = (nodePlatform.spawn as NonNullable<WasmPlatform['spawn']>)(listener);
      workers.push(worker);
      return worker;
    };
    const model = await modelOn({ threads: 3, platform: { ...nodePlatform, spawn } });
    const cache = model.newCache(300);
    await model.forward(IDS.slice(0, 3), cache);
    const pending = model.forward(IDS, cache);
    await new Promise((resolve) => setTimeout(resolve, 2));
    workers[1].terminate();
    await expect(pending).rejects.toThrow(EngineError);
    expect(workers).toHaveLength(3);
    cache.length = 3;
    const after = await model.forward(IDS, cache);
    expect(workers).toHaveLength(6);
    const fresh = model.newCache(300);
    await model.forward(IDS.slice(0, 3), fresh);
    expect(after).toEqual(await model.forward(IDS, fresh));
  });

  it.each([0, 2])(
    'a trap in a kernel is an EngineError, and the next call works: %i workers',
    { tags: ['slow'] },
    async (threads) => {
      const model = await modelOn({ threads });
      const before = await model.forward(IDS.slice(0, 4), model.newCache(300));
      // Pages far outside the memory: the first kernel that touches the cache traps.
      const broken = Object.assign(model.newCache(300), { ptr: 2 ** 32 - 65536 });
      const { engine } = model as unknown as { engine: { reserve(cache: unknown, n: number): void } };
      const { reserve } = engine;
      engine.reserve = () => {};
      await expect(model.forward(IDS.slice(10, 14), broken)).rejects.toThrow(EngineError);
      engine.reserve = reserve;
      expect(await model.forward(IDS.slice(0, 4), model.newCache(300))).toEqual(before);
    },
  );

  it('a signal stops a prompt between chunks of 128, and the cache holds the chunks that were done', {
    tags: ['slow'],
  }, async () => {
    const model = await modelOn({ threads: 2 });
    const cache = model.newCache(400);
    const controller = new AbortController();
    const long = [...IDS, ...IDS];
    const call = model.forward(long, cache, {
      signal: controller.signal,
      onProgress: (done) => done === 128 && controller.abort(),
    });
    await expect(call).rejects.toThrow(/abort/i);
    expect(cache.length).toBe(128);
    await model.forward(long.slice(128), cache);
    expect(cache.length).toBe(400);
  });

  it('close ends the workers: a call under way fails, and nothing keeps the program alive', {
    tags: ['slow'],
  }, async () => {
    const model = await modelOn({ threads: 2 });
    await model.forward(IDS, model.newCache(300));
    const pending = model.forward(IDS, model.newCache(300));
    await Promise.all([model.close(), expect(pending).rejects.toThrow(EngineError)]);
    await expect(model.forward(IDS, model.newCache(300))).rejects.toThrow(/closed/);
  });

  it.each([0, 65, 1.5])('threads: %d is refused', async (threads) => {
    const checkpoint = randomCheckpoint(SMALL_CONFIG, () => 'Q8_0');
    expect(() => loadInNode(checkpoint, { threads })).toThrow(
      /threads: expected a whole number from 1 to 64/,
    );
  });
});
