import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ropeFrequencies } from '../../src/base/rotations.ts';
import { rotated } from '../../src/diff/attention-bounds.ts';
import { arithmeticOf } from '../../src/diff/precision.ts';
import { rope, ropeTable } from '../../src/reference/rope.ts';
import { loadModel } from '../../src/run/load.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const root = new URL('../../', import.meta.url);

describe('the files that compute logits', () => {
  /** Everything between ids and logits, and from logits to the next id. */
  const folders = ['src/base', 'src/model', 'src/reference', 'src/wasm', 'src/quant', 'assembly'];
  const files = folders.flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`),
  );
  const sampling = ['sampler', 'filters', 'penalties', 'logprobs'].map((name) => `src/generate/${name}.ts`);
  const forbidden =
    /\bMath\.(exp|expm1|log|log2|log10|log1p|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|cbrt|hypot)\b/;

  it('are found', () => expect(files.length).toBeGreaterThan(40));

  it.each([...files, ...sampling, 'src/config.ts'])(
    '%s calls no function whose last digits the runtime chooses',
    (file) => {
      const lines = readFileSync(new URL(file, root), 'utf8').split('\n');
      const code = lines.map((line) => line.replace(/\/\/.*|^\s*\*.*/, ''));
      expect(code.filter((line) => forbidden.test(line))).toEqual([]);
    },
  );
});

describe('RoPE', () => {
  it('makes scores depend on the distance alone, within its bound in float64, up to position 8000', async () => {
    const { config } = await tinyCheckpoint('gqa');
    const { headDim } = config;
    const table = ropeTable({ ...config, maxSeqLen: 8192 }, 8192);
    const head = (seed: number) =>
      Float64Array.from({ length: headDim }, (_, i) => Math.sin(seed * 7.3 + i * 2.9));
    const at = (x: Float64Array, startPos: number) => {
      const turned = x.slice();
      rope(turned, table, 1, [{ begin: 0, count: 1, startPos, cache: { length: 0, maxSeqLen: 8192 } }]);
      return turned;
    };
    const bound = (x: Float64Array, startPos: number) =>
      rotated(
        { values: x },
        1,
        {
          frequencies: ropeFrequencies(config),
          headDim: config.headDim,
          positionOf: (row) => row + startPos,
        },
        arithmeticOf('f64'),
      ).slack!;
    const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    for (const distance of [0, 1, 13, 400]) {
      for (const pos of [0, 1, 77, 7599]) {
        const [q, k] = [head(1), head(2)];
        const base = dot(at(q, distance), at(k, 0));
        const moved = dot(at(q, pos + distance), at(k, pos));
        const allowed =
          dot(bound(q, pos + distance), at(k, pos).map(Math.abs)) +
          dot(bound(k, pos), at(q, pos + distance).map(Math.abs)) +
          dot(bound(q, distance), k.map(Math.abs)) +
          headDim * 2 ** -50;
        expect(Math.abs(moved - base)).toBeLessThan(allowed);
        expect(allowed).toBeLessThan(1e-10);
      }
    }
  });
});

describe('a tied embedding', () => {
  it('is the head: each logit is the final norm times the embedding row, to the last bit', {
    tags: ['slow'],
  }, async () => {
    const model = await loadModel(await tinyCheckpoint('gqa'), { engine: 'reference' });
    const { hiddenSize, vocabSize } = model.config;
    const ids = goldenJson('tiny/gqa/goldens.json').sequences[2] as number[];
    let normed: ArrayLike<number> = [];
    const logits = await model.forward(ids, model.newCache(), {
      logits: 'all',
      trace: (name, value) => {
        if (name === 'model.norm') normed = Float64Array.from(model.read(value));
      },
    });
    const table = new Map<number, ArrayLike<number>>();
    for (let id = 0; id < vocabSize; id++) {
      await model.forward([id], model.newCache(), {
        logits: 'none',
        trace: (name, value) => {
          if (name === 'model.embed_tokens') table.set(id, Float64Array.from(model.read(value)));
        },
      });
    }
    for (const [id, row] of table) {
      for (let t = 0; t < ids.length; t++) {
        let sum = 0;
        for (let i = 0; i < hiddenSize; i++) sum += normed[t * hiddenSize + i] * row[i];
        expect(logits[t * vocabSize + id]).toBe(sum);
      }
    }
  });
});

describe('a batch', () => {
  it('gives each sequence the same bits in any order', async () => {
    const model = await loadModel(await tinyCheckpoint('gqa'), { engine: 'reference' });
    const sequences = goldenJson('tiny/gqa/goldens.json')
      .sequences.slice(1, 4)
      .map((ids: number[]) => ids.slice(0, 5)) as number[][];
    const run = async (order: number[]) => {
      const rows = await model.run(order.map((n) => ({ ids: sequences[n], cache: model.newCache() })));
      return new Map(order.map((n, at) => [n, rows[at]]));
    };
    const first = await run([0, 1, 2]);
    for (const order of [
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ]) {
      for (const [n, logits] of await run(order)) expect(logits).toEqual(first.get(n));
    }
  });
});
