import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyModel } from '../support/tiny-models.ts';

/** The longest golden sequence: 40 ids. */
const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences.at(-1);

const model: Model = await tinyModel('gqa');
const { vocabSize } = model.config;

/** Logits of every row, the prompt cut into chunks of the given sizes, the last size repeating. */
async function inChunks(...sizes: number[]): Promise<number[]> {
  const cache = model.newCache();
  const rows: number[] = [];
  for (let begin = 0, n = 0; begin < ids.length; n++) {
    const size = sizes[Math.min(n, sizes.length - 1)];
    rows.push(...(await model.forward(ids.slice(begin, begin + size), cache, { logits: 'all' })));
    begin += size;
  }
  return rows;
}

const whole = await inChunks(ids.length);

describe('the same ids give the same bits', () => {
  it.each([1, 3, 7, 39])('in chunks of %d', async (size) => {
    expect(await inChunks(size)).toEqual(whole);
  });

  it('as a long prompt and then one id at a time', async () => {
    expect(await inChunks(33, 1)).toEqual(whole);
  });

  it('with a cache that was cut back and filled again', async () => {
    const cache = model.newCache();
    await model.forward([...ids.slice(0, 10), 5, 6, 7, 8], cache);
    cache.length = 10;
    const rest = await model.forward(ids.slice(10), cache, { logits: 'all' });
    expect([...rest]).toEqual(whole.slice(10 * vocabSize));
  });

  it('alone and in a batch with others at other positions', async () => {
    const caches = [3, 17, 0].map(() => model.newCache());
    await model.forward(ids.slice(0, 3), caches[0]);
    await model.forward(ids.slice(0, 17), caches[1]);
    const batch = await model.run([
      { ids: ids.slice(3, 5), cache: caches[0] },
      { ids: ids.slice(17, 18), cache: caches[1] },
      { ids: ids.slice(0, 9), cache: caches[2] },
    ]);
    const row = (pos: number) => whole.slice(pos * vocabSize, (pos + 1) * vocabSize);
    expect(batch.map(([logits]) => [...logits])).toEqual([row(4), row(17), row(8)]);
    expect(caches.map((cache) => cache.length)).toEqual([5, 18, 9]);
  });

  it('watched or not', async () => {
    const cache = model.newCache();
    let points = 0;
    const trace = () => void points++;
    expect([...(await model.forward(ids, cache, { logits: 'all', trace }))]).toEqual(whole);
    expect(points).toBe(2 + 16 * model.config.numLayers);
  });

  it('for the last row, whether the others are asked for or not', async () => {
    const last = await model.forward(ids, model.newCache());
    expect([...last]).toEqual(whole.slice(-vocabSize));
    expect(await model.forward(ids, model.newCache(), { logits: 'none' })).toHaveLength(0);
  });
});

describe('causality', () => {
  it('changing an id never changes a logit before it', async () => {
    const changed = [...ids];
    changed[20] = (changed[20] + 1) % vocabSize;
    const rows = await model.forward(changed, model.newCache(), { logits: 'all' });
    expect([...rows.slice(0, 20 * vocabSize)]).toEqual(whole.slice(0, 20 * vocabSize));
    expect([...rows.slice(20 * vocabSize, 21 * vocabSize)]).not.toEqual(
      whole.slice(20 * vocabSize, 21 * vocabSize),
    );
  });
});

describe('what is wrong is refused', () => {
  it.each([[[]], [[-1]], [[vocabSize]], [[1.5]], [[Number.NaN]]])('ids %j', async (wrong) => {
    await expect(model.forward(wrong, model.newCache())).rejects.toThrow(RangeError);
  });

  it('more ids than the cache has positions, and the cache is as before', async () => {
    const cache = model.newCache(8);
    await model.forward(ids.slice(0, 6), cache);
    await expect(model.forward(ids.slice(6, 10), cache)).rejects.toThrow('expected at most 2 ids');
    expect(cache.length).toBe(6);
  });

  it('one cache twice in a batch', async () => {
    const cache = model.newCache();
    const entry = { ids: [1], cache };
    await expect(model.run([entry, entry])).rejects.toThrow('a cache of its own');
  });
});
