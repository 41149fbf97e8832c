import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, type SmolLM2 } from '../../src/node/index.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import { embed } from '../../src/score/embed.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let folder: string;
let smol: SmolLM2;
beforeAll(async () => {
  folder = makeTinyFolder();
  smol = await load(folder, { engine: 'reference' });
});
afterAll(async () => {
  await smol.close();
  rmSync(folder, { recursive: true });
});

describe('embed', () => {
  it('is the mean of the normed last hidden states, scaled to length 1 within 1e-6', async () => {
    const text = 'A ship.';
    const [vector] = await smol.embed([text]);
    const ids = smol.tokenizer.encode(text);
    const cache = smol.model.newCache(ids.length);
    const sums = new Float64Array(smol.config.hiddenSize);
    await smol.model.forward(ids, cache, {
      logits: 'none',
      trace: (name, value) => {
        if (name !== 'model.norm') return;
        for (const [i, x] of smol.model.read(value).entries()) sums[i % sums.length] += x;
      },
    });
    const length = Math.hypot(...sums);
    expect(vector).toHaveLength(sums.length);
    for (const [i, x] of vector.entries()) expect(x).toBeCloseTo(sums[i] / length, 6);
  });

  it('finds a text nearer to itself than to another', async () => {
    const [a, again, b] = await smol.embed(['A ship.', 'A ship.', '0123456789']);
    const cosine = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    expect(cosine(a, again)).toBeCloseTo(1, 6);
    expect(cosine(a, b)).toBeLessThan(0.999);
  });

  it('gives the mean of a trace bit by bit for a text of more than one piece', {
    tags: ['slow'],
  }, async () => {
    const config = { ...SMALL_CONFIG, maxSeqLen: 1400 };
    const model = await loadModel(
      randomCheckpoint(config, () => 'Q4_1'),
      { threads: 2 },
      nodePlatform,
    );
    const ids = Array.from({ length: 1300 }, (_, t) => (t * 37 + 11) % 61);
    const [vector] = await embed(model, { encode: () => ids }, ['']);
    const sum = new Float64Array(config.hiddenSize);
    await model.forward(ids, model.newCache(), {
      logits: 'none',
      points: ['model.norm'],
      trace: (_name, value) => {
        for (const [i, x] of model.read(value).entries()) sum[i % sum.length] += x;
      },
    });
    const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
    expect(vector).toEqual(Float32Array.from(sum, (value) => value / length));
    await model.close();
  });
});
