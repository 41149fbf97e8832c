import { describe, expect, it } from 'vitest';
import { attentionMap, headScores, runForAttention } from '../../src/inspect/attention-maps.ts';
import { logitAttribution } from '../../src/inspect/attribution.ts';
import { activation, meanLoss, runWithCache, runWithHooks } from '../../src/inspect/hooks.ts';
import { logitLens, rowNorms, streamPoints } from '../../src/inspect/logit-lens.ts';
import { ablate, patchActivations, patchSweep } from '../../src/inspect/patching.ts';
import { loadModel } from '../../src/run/load.ts';
import { expectClose } from '../support/close.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const model = await loadModel(await tinyCheckpoint('gqa'), { engine: 'reference' });
const { vocabSize, numLayers, numHeads, hiddenSize } = model.config;
const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];
const last = (logits: ArrayLike<number>) => Array.from(logits).slice(-vocabSize);
const plain = await runWithHooks(model, ids, {});

describe('runWithCache and runWithHooks', () => {
  it('keep the points that were asked for, in the shapes of the trace', async () => {
    const name = 'model.layers.1.self_attn.q_rope';
    const cache = await runWithCache(model, ids, [name]);
    expect([...cache.points.keys()]).toEqual([name]);
    expect(activation(cache, name).shape).toEqual([16, 4, 8]);
    expect(cache.logits).toEqual(plain);
  });

  it('change what the model computes afterwards, and nothing before', async () => {
    const name = 'model.layers.1.mlp.act';
    const changed = await runWithHooks(model, ids, { [name]: (values) => values.fill(0, 5 * 72, 6 * 72) });
    expect(changed.slice(0, 5 * vocabSize)).toEqual(plain.slice(0, 5 * vocabSize));
    expect(changed.slice(5 * vocabSize, 6 * vocabSize)).not.toEqual(
      plain.slice(5 * vocabSize, 6 * vocabSize),
    );
  });

  it('refuse points that the model does not pass', async () => {
    await expect(runWithCache(model, ids, ['x'])).rejects.toThrow(/points: expected .* got x/);
    await expect(runWithHooks(model, ids, { x: () => undefined })).rejects.toThrow(/hooks: .* got x/);
    const cache = await runWithCache(model, ids, []);
    expect(() => activation(cache, 'model.norm')).toThrow(RangeError);
  });
});

describe('attention maps', () => {
  it('rows of every map add up to 1 and see nothing later', async () => {
    const cache = await runForAttention(model, ids);
    for (let layer = 0; layer < numLayers; layer++) {
      for (let head = 0; head < numHeads; head++) {
        const map = attentionMap(cache, { layer, head });
        for (let t = 0; t < ids.length; t++) {
          const row = map.subarray(t * ids.length, (t + 1) * ids.length);
          expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
          expect(row.subarray(t + 1).every((weight) => weight === 0)).toBe(true);
        }
      }
    }
  });

  it('score a hand-made map: two induction rows with 0.75 and 0.25 give 0.5', () => {
    const repeated = [5, 6, 5, 6]; // at t = 2 an induction head looks at 1, at t = 3 at 2
    const values = new Float64Array(16);
    values[2 * 4 + 1] = 0.75;
    values[3 * 4 + 2] = 0.25;
    const points = new Map([['model.layers.0.self_attn.attn_probs', { values, shape: [1, 4, 4] }]]);
    const cache = { ids: repeated, points, logits: new Float64Array(0) };
    expect(headScores(cache, 'induction')).toEqual([{ layer: 0, head: 0, score: 0.5 }]);
    expect(headScores(cache, 'previous-token')[0].score).toBeCloseTo(1 / 3, 12);
    expect(headScores(cache, 'duplicate-token')[0].score).toBe(0);
    expect(() => headScores({ ...cache, ids: [1, 2, 3, 4] }, 'induction')).toThrow(RangeError);
  });
});

describe('logitLens', () => {
  it('gives the model’s own logits after the last layer, and the embedding’s before the first', async () => {
    const lens = await logitLens(model, ids, { top: 3, targetId: 7 });
    expect(lens.map(({ layer }) => layer)).toEqual([-1, 0, 1]);
    const ranked = last(plain).map((logit, id) => ({ logit, id }));
    ranked.sort((a, b) => b.logit - a.logit);
    expect(lens[2].top.map(({ id }) => id)).toEqual(ranked.slice(0, 3).map(({ id }) => id));
    expect(lens[2].targetLogprob).toBeCloseTo(-meanLoss(plain, [...ids, 7], vocabSize, ids.length - 1), 10);
    expect(lens[0].top[0].id).not.toBe(lens[2].top[0].id);
  });

  it('rowNorms of the stream are the lengths of its rows', async () => {
    const cache = await runWithCache(model, ids, streamPoints(numLayers));
    const { values } = activation(cache, 'model.layers.0');
    const norms = rowNorms(cache, 'model.layers.0');
    expect(norms).toHaveLength(ids.length);
    expect(norms[3]).toBeCloseTo(Math.hypot(...values.subarray(3 * hiddenSize, 4 * hiddenSize)), 12);
  });
});

describe('logitAttribution', () => {
  it.each([false, true])('terms add up to the logit, heads: %s', async (heads) => {
    const terms = await logitAttribution(model, ids, 9, { heads });
    expect(terms).toHaveLength(1 + numLayers * ((heads ? numHeads : 1) + 1));
    expectClose([terms.reduce((sum, { logit }) => sum + logit, 0)], [last(plain)[9]], 1e-10, 'sum of terms');
  });

  it('terms of a difference add up to the difference, at any position', async () => {
    const terms = await logitAttribution(model, ids, 9, { baselineId: 4, position: 6 });
    const row = plain.slice(6 * vocabSize, 7 * vocabSize);
    expectClose([terms.reduce((sum, { logit }) => sum + logit, 0)], [row[9] - row[4]], 1e-10, 'sum of terms');
  });
});

describe('ablate', () => {
  it('a head without its output is a head whose columns of attn_out are zero', async () => {
    const without = await ablate(model, ids, { heads: [{ layer: 0, head: 2 }] });
    const byHand = await runWithHooks(model, ids, {
      'model.layers.0.self_attn.attn_out': (values) => {
        for (let t = 0; t < ids.length; t++) values.fill(0, t * 32 + 16, t * 32 + 24);
      },
    });
    expect(without).toEqual(byHand);
    expect(without).not.toEqual(plain);
  });

  it('the mean of a module leaves the sum over the tokens as it was', async () => {
    const name = 'model.layers.1.mlp.down_proj';
    const sums = async (run: () => Promise<unknown>, read: Float64Array) => {
      await run();
      return read;
    };
    const before = activation(await runWithCache(model, ids, [name]), name).values;
    const after = new Float64Array(before.length);
    await sums(
      () =>
        ablate(
          {
            ...model,
            config: model.config,
            newCache: (n?: number) => model.newCache(n),
            freeCache: (cache) => model.freeCache(cache),
            read: (value) => model.read(value),
            write: (value, values) => {
              after.set(values);
              model.write(value, values);
            },
            forward: (given, cache, options) => model.forward(given, cache, options),
          } as typeof model,
          ids,
          { modules: [name], mode: 'mean' },
        ),
      after,
    );
    const columnSum = (values: ArrayLike<number>, i: number) =>
      ids.reduce((sum, _, t) => sum + values[t * hiddenSize + i], 0);
    for (const i of [0, 7, 31]) expect(columnSum(after, i)).toBeCloseTo(columnSum(before, i), 10);
  });

  it('refuses a head that the model does not have', () => {
    expect(() => ablate(model, ids, { heads: [{ layer: 0, head: 4 }] })).toThrow(/got layer 0 head 4/);
  });
});

describe('patching', () => {
  const corrupted = ids.with(3, (ids[3] + 1) % vocabSize);

  it('all rows of a clean layer give the clean logits', async () => {
    const clean = await runWithCache(model, ids, ['model.layers.0']);
    const logits = await patchActivations(model, corrupted, clean, [{ point: 'model.layers.0' }]);
    expect(logits).toEqual(plain);
    await expect(async () => patchActivations(model, ids.slice(1), clean, [])).rejects.toThrow(/16/);
  });

  it('the sweep recovers everything at the last row of the last layer and nothing before the change', async () => {
    const clean = await runWithCache(model, ids, streamPoints(numLayers));
    const scores = await patchSweep(model, clean, corrupted, (logits) => last(logits)[9] - last(logits)[4]);
    const at = (layer: number, row: number) =>
      scores.find((score) => score.layer === layer && score.row === row)?.recovered;
    expect(at(numLayers - 1, ids.length - 1)).toBeCloseTo(1, 10);
    expect(at(0, 0)).toBeCloseTo(0, 10);
    expect(at(numLayers - 1, 3)).toBeCloseTo(0, 10);
  });
});
