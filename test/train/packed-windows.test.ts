import { describe, expect, it } from 'vitest';
import { bytesSource } from '../../src/format/source.ts';
import { PackedWindows, type PackedWindowsOptions } from '../../src/train/packed-windows.ts';
import { encodeTokens, type TokenFolder } from '../../src/train/token-shard.ts';
import { IGNORED, nextTokenRow } from '../../src/train/window-source.ts';

/** A folder of shards whose tokens count up from the given numbers. */
function counting(
  name: string,
  ...shards: readonly (readonly [begin: number, count: number])[]
): TokenFolder {
  return {
    name,
    shards: shards.map(([begin, count], i) => {
      const ids = Array.from({ length: count }, (_, n) => begin + n);
      const source = bytesSource(`${name}/${i}.ds`, encodeTokens(ids, 2));
      return { name: `${i}.ds`, source, tokenBytes: 2, numTokens: count } as const;
    }),
  };
}

const plain = { sequenceLength: 4, vocabSize: 1000, seed: 8 } as const;

async function rows(options: PackedWindowsOptions, count: number, begin = 0): Promise<number[][]> {
  const windows = new PackedWindows(options);
  const list: number[][] = [];
  for (let i = begin; i < begin + count; i++) list.push([...(await windows.row(i)).ids]);
  return list;
}

describe("nanotron's order", () => {
  it('cuts windows of one more token than a row, drops the rest of a shard, and repeats the epoch', async () => {
    const parts = [{ folder: counting('a', [0, 14], [100, 11]), weight: 1 }];
    const windows = new PackedWindows({ ...plain, order: 'nanotron', parts });
    expect(windows.rowsPerEpoch).toBe(4);
    const firsts = (await rows({ ...plain, order: 'nanotron', parts }, 8)).map(([first]) => first);
    expect([...firsts.slice(0, 4)].sort((a, b) => a - b)).toEqual([0, 5, 100, 105]);
    expect(firsts.slice(4)).toEqual(firsts.slice(0, 4));
  });

  it('a row does not depend on which rows were asked for before', async () => {
    const parts = [
      { folder: counting('a', [0, 60]), weight: 3 },
      { folder: counting('b', [500, 60]), weight: 1 },
    ];
    for (const order of ['nanotron', 'fresh'] as const) {
      const all = await rows({ ...plain, order, parts }, 60);
      expect(await rows({ ...plain, order, parts }, 20, 40)).toEqual(all.slice(40));
    }
  });

  it('follows the weights and says which part repeats', async () => {
    const parts = [
      { folder: counting('a', [0, 60]), weight: 3 },
      { folder: counting('b', [500, 60]), weight: 1 },
    ];
    const windows = new PackedWindows({ ...plain, order: 'nanotron', parts });
    const firsts = (await rows({ ...plain, order: 'nanotron', parts }, windows.rowsPerEpoch)).map(
      ([id]) => id,
    );
    expect(firsts.filter((id) => id < 500)).toHaveLength(18);
    expect(windows.repeats).toEqual([1, 0]);
  });

  it.each(['nanotron', 'fresh'] as const)(
    '%s: knows the first row whose window was there before',
    async (order) => {
      const parts = [
        { folder: counting('a', [0, 24]), weight: 0.9 },
        { folder: counting('b', [500, 180]), weight: 0.1 },
      ];
      const windows = new PackedWindows({ ...plain, order, parts });
      const firsts = (await rows({ ...plain, order, parts }, windows.rowsPerEpoch)).map(([id]) => id);
      const again = firsts.findIndex((id, i) => firsts.indexOf(id) < i);
      expect(windows.rowsUntilRepeat).toBe(again);
      expect(again).toBeLessThan(6);
      const even = parts.map((part) => ({ ...part, weight: undefined }));
      const { rowsUntilRepeat, rowsPerEpoch } = new PackedWindows({ ...plain, order, parts: even });
      expect(rowsUntilRepeat).toBe(rowsPerEpoch);
    },
  );
});

describe('the fresh order', () => {
  const parts = [{ folder: counting('a', [0, 43]), weight: undefined }];

  it('cuts at another offset in each epoch and shares the token between windows', async () => {
    const windows = new PackedWindows({ ...plain, order: 'fresh', parts });
    expect(windows.rowsPerEpoch).toBe(9);
    const offsets = new Set<number>();
    for (let epoch = 0; epoch < 12; epoch++) {
      const list = await rows({ ...plain, order: 'fresh', parts }, 9, 9 * epoch);
      const firsts = list.map(([first]) => first).sort((a, b) => a - b);
      expect(firsts).toEqual(Array.from({ length: 9 }, (_, i) => firsts[0] + 4 * i));
      offsets.add(firsts[0]);
    }
    expect([...offsets].sort()).toEqual([0, 1, 2, 3]);
  });

  it('leaves out a part of weight 0', async () => {
    const two = [
      { folder: counting('a', [0, 60]), weight: 1 },
      { folder: counting('b', [500, 60]), weight: 0 },
    ];
    const windows = new PackedWindows({ ...plain, order: 'fresh', parts: two });
    const all = await rows({ ...plain, order: 'fresh', parts: two }, 2 * windows.rowsPerEpoch);
    expect(all.flat().filter((id) => id >= 500)).toEqual([]);
    expect(windows.rowsPerEpoch).toBe(14);
  });

  it('moves with the seed alone', async () => {
    const of = (seed: number) => rows({ ...plain, order: 'fresh', parts, seed }, 9);
    expect(await of(8)).toEqual(await of(8));
    expect(await of(8)).not.toEqual(await of(9));
  });
});

describe('document boundaries', () => {
  // The first row of shared goldens' docmask: eos 2 ends a document, the next id stands at position 0.
  const window = Int32Array.of(54, 86, 48, 9, 56, 65, 2, 10, 46, 35, 66, 67, 6);

  it('without masking every label counts and attention crosses documents', () => {
    const row = nextTokenRow(window, 'here');
    expect([...row.labels]).toEqual([...window.subarray(1)]);
    expect([...row.positions]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(new Set(row.documentStarts)).toEqual(new Set([0]));
  });

  it('with masking positions begin again and the first id of a document is no label', () => {
    const row = nextTokenRow(window, 'here', 2);
    expect([...row.positions]).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]);
    expect([...row.documentStarts]).toEqual([0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7]);
    expect(row.labels[6]).toBe(IGNORED);
    expect([...row.labels].filter((label) => label === IGNORED)).toHaveLength(1);
    expect([...window]).toEqual([54, 86, 48, 9, 56, 65, 2, 10, 46, 35, 66, 67, 6]);
  });
});

describe('what cannot be trained on', () => {
  it('an id that the vocabulary has not is named with its place', async () => {
    const parts = [{ folder: counting('a', [995, 10]), weight: 1 }];
    const windows = new PackedWindows({ ...plain, order: 'nanotron', parts });
    const both = Promise.all([windows.row(0), windows.row(1)]);
    await expect(both).rejects.toThrow(
      'a/0.ds: expected ids below 1000, got 1000; was another tokenizer used? (byte 10)',
    );
  });

  it('a folder too short for one window is refused', () => {
    const parts = [{ folder: counting('a', [0, 4]), weight: 1 }];
    expect(() => new PackedWindows({ ...plain, order: 'nanotron', parts })).toThrow(
      'a: expected a shard of 5 tokens or more, got 4 tokens in 1 shards',
    );
  });
});
