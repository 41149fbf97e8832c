import { afterAll, describe, expect, it } from 'vitest';
import { generate } from '../../src/generate/generate.ts';
import type { Model, PassEntry } from '../../src/model/model.ts';
import { allPoints } from '../../src/model/points.ts';
import { loadWeights } from '../../src/model/weights.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import type { KvCache, Matrix, Values, Vector } from '../../src/ops.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import { loadModel } from '../../src/run/load.ts';
import { modelHere } from '../../src/run/loaded-model.ts';
import { distantEngine } from '../support/distant-engine.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';

const CONFIG = { ...SMALL_CONFIG, maxSeqLen: 2100 };
const checkpoint = randomCheckpoint(CONFIG, () => 'Q4_1');
const idsOf = (length: number, seed: number) => Array.from({ length }, (_, t) => (t * 37 + seed * 11) % 61);

const open: Model[] = [];
afterAll(() => Promise.all(open.map((model) => model.close())));

async function wasmModel(threads: number): Promise<Model> {
  const platform = threads === 0 ? { ...nodePlatform, spawn: undefined } : nodePlatform;
  const model = await loadModel(checkpoint, { threads: Math.max(threads, 1) }, platform);
  open.push(model);
  return model;
}

/** A model on the reference that writes down how many rows of logits it computes, and for which chunks. */
async function countingModel() {
  const engine = new ReferenceEngine();
  const weights = await loadWeights(engine, CONFIG, checkpoint.tensors);
  const counts = { logits: 0, chunks: [] as number[] };
  const { linear, embed } = ReferenceEngine.prototype;
  engine.linear = (out, x, weight: Matrix, bias) => {
    if (weight === weights.lmHead) counts.logits += x.length / CONFIG.hiddenSize;
    linear.call(engine, out, x, weight as Parameters<typeof linear>[2], bias);
  };
  engine.embed = (out, table, ids) => {
    counts.chunks.push(ids.length);
    embed.call(engine, out, table, ids);
  };
  return { model: modelHere(engine, CONFIG, weights), counts };
}

/** Caches that hold `length` ids each. */
async function filled(model: Model, count: number, length: number): Promise<KvCache[]> {
  const caches = Array.from({ length: count }, () => model.newCache());
  for (const [n, cache] of caches.entries()) await model.run([{ ids: idsOf(length + n, n), cache, rows: 0 }]);
  return caches;
}

describe.each([0, 2])(
  'one pass with a prompt of 2,000 ids beside 15 running answers, %d workers',
  (threads) => {
    it('gives every row the bits that it has alone', { tags: ['slow'] }, async () => {
      const model = await wasmModel(threads);
      const answers = await filled(model, 15, 20);
      const entries = answers.map((cache, n): PassEntry => ({ ids: [n], cache }));
      const rows = await model.run([{ ids: idsOf(2000, 3), cache: model.newCache() }, ...entries]);
      expect(rows.map((own) => own.length)).toEqual(Array(16).fill(1));
      expect(rows[0][0]).toEqual(await model.forward(idsOf(2000, 3), model.newCache()));
      for (const [n, cache] of (await filled(model, 15, 20)).entries()) {
        expect(rows[n + 1][0]).toEqual(await model.forward([n], cache));
      }
    });
  },
);

describe('run', () => {
  it('computes logits only for the rows asked for, running answers in the first chunk', {
    tags: ['slow'],
  }, async () => {
    const { model, counts } = await countingModel();
    const caches = await filled(model, 3, 20);
    Object.assign(counts, { logits: 0, chunks: [] });
    const short = caches.map((cache): PassEntry => ({ ids: [1], cache }));
    await model.run([{ ids: idsOf(300, 1), cache: model.newCache(), rows: 2 }, ...short]);
    expect(counts).toEqual({ logits: 5, chunks: [128, 128, 47] });
    Object.assign(counts, { logits: 0, chunks: [] });
    await model.run([{ ids: idsOf(9, 1), cache: model.newCache(), output: 'hidden', rows: 9 }]);
    expect(counts.logits).toBe(0);
  });

  it('lets a running answer go before a prompt that came earlier', { tags: ['slow'] }, async () => {
    const { model } = await countingModel();
    const [answer] = await filled(model, 1, 4);
    const prompt = model.newCache();
    const long = model.run([{ ids: idsOf(140, 1), cache: prompt }]);
    await model.run([{ ids: [1], cache: answer }]);
    expect(prompt.length).toBeGreaterThan(0);
    expect(prompt.length).toBeLessThan(127);
    await long;
  });

  it('answers a short prompt before a long one that came earlier, which goes on all the same', {
    tags: ['slow'],
  }, async () => {
    const { model } = await countingModel();
    const [long, short] = [model.newCache(), model.newCache()];
    const prompt = model.run([{ ids: idsOf(500, 1), cache: long }]);
    await model.run([{ ids: idsOf(90, 2), cache: short }]);
    expect(long.length).toBeGreaterThanOrEqual(32);
    expect(long.length).toBeLessThan(128);
    await prompt;
  });

  it('computes calls of the same moment together, and one cache in order', { tags: ['slow'] }, async () => {
    const { model, counts } = await countingModel();
    const caches = await filled(model, 4, 4);
    counts.chunks = [];
    await Promise.all(caches.map((cache) => model.run([{ ids: [5], cache }])));
    expect(counts.chunks).toEqual([4]);
    counts.chunks = [];
    const [both, plain] = [model.newCache(), model.newCache()];
    const parts = [idsOf(20, 1), idsOf(3, 2)].map((ids) => model.run([{ ids, cache: both }]));
    const [, [[last]]] = await Promise.all(parts);
    expect(last).toEqual(await model.forward([...idsOf(20, 1), ...idsOf(3, 2)], plain));
  });

  it('fills chunks with a long prompt once the answer before it has ended, and takes less while one may ask again', {
    tags: ['slow'],
  }, async () => {
    const { model, counts } = await countingModel();
    const [first, second] = await filled(model, 2, 4);
    const chunksOf = async (cache: KvCache) => {
      await model.run([{ ids: [1], cache: first }]);
      counts.chunks = [];
      await model.run([{ ids: idsOf(160, 1), cache }]);
      return counts.chunks;
    };
    expect((await chunksOf(second))[0]).toBeLessThan(128);
    expect(await chunksOf(first)).toEqual([128, 32]);
    await model.run([{ ids: [1], cache: first }]);
    model.freeCache(first);
    counts.chunks = [];
    await model.run([{ ids: idsOf(160, 1), cache: model.newCache() }]);
    expect(counts.chunks).toEqual([128, 32]);
  });

  it('writes logits over rows that are done with, as far as there are any', async () => {
    const model = await wasmModel(0);
    const [[first, second]] = await model.run([{ ids: idsOf(9, 4), cache: model.newCache(), rows: 2 }]);
    const run = (rows: number, usedRows?: Values[]) =>
      model.run([{ ids: idsOf(7, 5), cache: model.newCache(), rows, usedRows }]);
    const [fresh] = await run(3);
    for (const count of [2, 3]) {
      const [rows] = await run(count, [first, second]);
      expect(rows).toEqual(fresh.slice(-count));
      expect([rows[0] === first, rows[1] === second]).toEqual([true, true]);
      expect(new Set(rows).size).toBe(count);
    }
  });

  it('stops within a chunk of a signal: the others go on', { tags: ['slow'] }, async () => {
    const { model, counts } = await countingModel();
    const controller = new AbortController();
    const long = model.newCache();
    const stopped = model.run([{ ids: idsOf(2000, 1), cache: long }], {
      signal: controller.signal,
      onProgress: (done) => done >= 256 && controller.abort(),
    });
    const other = model.run([{ ids: idsOf(300, 2), cache: model.newCache() }]);
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(long.length).toBeGreaterThanOrEqual(256);
    expect(long.length).toBeLessThan(256 + 128);
    const stoppedAt = long.length;
    await other;
    expect(counts.chunks.reduce((sum, rows) => sum + rows)).toBe(stoppedAt + 300);
  });

  it('gives every row of logits where there are more than the buffer holds', { tags: ['slow'] }, async () => {
    for (const model of [await wasmModel(2), (await countingModel()).model]) {
      const ids = idsOf(150, 4);
      const [rows] = await model.run([{ ids, cache: model.newCache(), rows: 150 }]);
      expect(rows).toHaveLength(150);
      const cache = model.newCache();
      for (const at of [0, 1, 15, 16, 17, 127, 128, 149]) {
        if (at > cache.length) await model.run([{ ids: ids.slice(cache.length, at), cache, rows: 0 }]);
        expect(rows[at]).toEqual(await model.forward([ids[at]], cache));
      }
    }
  });

  it.each([0, 2])(
    'gives the hidden states of any layer that a trace sees, %d workers',
    { tags: ['slow'] },
    async (threads) => {
      const model = await wasmModel(threads);
      const ids = idsOf(140, 7);
      const seen = new Map<string, number[]>();
      await model.forward(ids, model.newCache(), {
        logits: 'none',
        trace: (name, value) => seen.set(name, [...model.read(value)]),
      });
      const points = [
        'model.embed_tokens',
        ...Array.from({ length: CONFIG.numLayers }, (_, l) => `model.layers.${l}`),
      ];
      for (const [layer, name] of [...points, 'model.norm'].entries()) {
        const [rows] = await model.run([
          {
            ids,
            cache: model.newCache(),
            rows: 135,
            output: 'hidden',
            layer: name === 'model.norm' ? undefined : layer,
          },
        ]);
        expect(rows.flatMap((row) => [...row])).toEqual(seen.get(name)?.slice(5 * CONFIG.hiddenSize));
      }
    },
  );
});

describe('a cache that was freed', () => {
  it('is refused for ever, can be freed again, and is never the cache of another', {
    tags: ['slow'],
  }, async () => {
    const model = await wasmModel(2);
    const gone = model.newCache();
    model.freeCache(gone);
    const next = model.newCache(); // takes the same address
    await model.run([{ ids: [1, 2, 3], cache: next }]);
    await expect(model.run([{ ids: [4], cache: gone }])).rejects.toThrow(/got one that was freed/);
    model.freeCache(gone);
    const [[row]] = await model.run([{ ids: [4], cache: next }]);
    expect(row).toEqual(await model.forward([1, 2, 3, 4], model.newCache()));
  });

  it('ends the pass that waits for it, and gives its pages back only when no chunk writes to them', {
    tags: ['slow'],
  }, async () => {
    const model = await wasmModel(2);
    const cache = model.newCache();
    const pass = model.run([{ ids: idsOf(2000, 1), cache }], {
      onProgress: (done) => done === 128 && model.freeCache(cache),
    });
    await expect(pass).rejects.toThrow(/got one that was freed/);
    expect(cache.length).toBe(128);
  });
});

describe('an engine that reads asynchronously', () => {
  it('answers as the reference does, alone and several at once', { tags: ['slow'] }, async () => {
    const engine = distantEngine();
    const model = modelHere(engine, CONFIG, await loadWeights(engine, CONFIG, checkpoint.tensors));
    const reference = await loadModel(checkpoint, { engine: 'reference' });
    const tokenizer = { eosIds: [], decoder: () => ({ push: String, end: () => '' }) };
    const answer = async (on: Model, seed: number) => {
      const tokens = generate(on, tokenizer, idsOf(40, seed), {
        maxTokens: 8,
        temperature: 1,
        seed,
        lookup: 2,
      });
      for (;;) {
        const { done, value } = await tokens.next();
        if (done) return value.ids;
      }
    };
    const expected = [await answer(reference, 1), await answer(reference, 2), await answer(reference, 3)];
    expect(await Promise.all([1, 2, 3].map((seed) => answer(model, seed)))).toEqual(expected);
  });

  const traceOf = async (
    model: Model,
    points?: string[],
    replace?: (name: string, values: Values) => boolean,
  ) => {
    const seen: [string, readonly number[], Values][] = [];
    const logits = await model.forward(idsOf(5, 1), model.newCache(), {
      logits: 'all',
      points,
      trace: (name, value, shape) => {
        const values = model.read(value);
        if (replace?.(name, values)) model.write(value, values);
        seen.push([name, shape, model.read(value)]);
      },
    });
    return { seen, logits };
  };
  const bothEngines = async () => {
    const engine = distantEngine();
    const weights = await loadWeights(engine, CONFIG, checkpoint.tensors);
    const reference = await loadModel(checkpoint, { engine: 'reference' });
    return { distant: modelHere(engine, CONFIG, weights), reference };
  };

  it('shows every point of a trace, in order and with the values of its moment', {
    tags: ['slow'],
  }, async () => {
    const { distant, reference } = await bothEngines();
    const { seen, logits } = await traceOf(distant);
    expect(seen.map(([name]) => name)).toEqual(allPoints(CONFIG.numLayers).slice(0, -1));
    expect({ seen, logits }).toEqual(await traceOf(reference));
    const points = ['model.layers.1.mlp.act', 'model.norm'];
    expect((await traceOf(distant, points)).seen).toEqual((await traceOf(reference, points)).seen);
  });

  it('goes on with what a trace replaced, once and in several places', { tags: ['slow'] }, async () => {
    const { distant, reference } = await bothEngines();
    const plain = (await traceOf(reference)).logits;
    for (const places of [
      ['model.norm'],
      ['model.layers.0.self_attn.v_proj', 'model.layers.1', 'model.norm'],
    ]) {
      const halve = (name: string, values: Values) => {
        for (let i = 0; i < values.length; i += 2) values[i] /= 2;
        return places.includes(name);
      };
      const expected = await traceOf(reference, undefined, halve);
      expect(await traceOf(distant, undefined, halve)).toEqual(expected);
      expect(expected.logits).not.toEqual(plain);
    }
  });

  it('refuses values of another size, and values outside of a trace', async () => {
    const { distant } = await bothEngines();
    const write = { trace: (_name: string, value: Vector) => distant.write(value, [1]) };
    await expect(distant.forward([1], distant.newCache(), write)).rejects.toThrow(
      /write: expected 128 values, got 1/,
    );
    expect(() => distant.read({ length: 1 })).toThrow(/expected a value of the trace/);
  });
});
