// The promise of equal bits on the real weights: the published sha256, and every way to come to the same
// logits.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenFloat64 } from '../support/goldens.ts';
import { bitsOf } from '../support/wasm.ts';
import { realCheckpoint, realModel, realWeights } from '../support/weights.ts';

interface VectorPrompt {
  readonly name: string;
  readonly text: string;
  readonly ids: number[];
  readonly top: readonly { readonly id: number; readonly logit: number; readonly bits: string }[];
  readonly greedy: readonly number[];
  readonly sha256: Readonly<Record<'fast' | 'precise', string>>;
}

const folder = new URL('../../vectors/', import.meta.url);
const bytes = readFileSync(new URL('135m-instruct-q4_1.json', folder));
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8'));
const vectors: { model: { sha256: string }; prompts: VectorPrompt[] } = JSON.parse(bytes.toString());
const { prompts } = vectors;
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('the published vectors', () => {
  it('are the files of the manifest, for the weights of these tests, under 2 MB', () => {
    expect(manifest.files['135m-instruct-q4_1.json']).toBe(sha256(bytes));
    expect(vectors.model.sha256).toBe(sha256(readFileSync(realWeights())));
    expect(bytes.length).toBeLessThan(2e6);
  });

  it('have the ids of our tokenizer', async () => {
    const checkpoint = await realCheckpoint();
    const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
    for (const { text, ids } of prompts) expect(tokenizer.encode(text)).toEqual(ids);
    await checkpoint.close();
  });

  it.each(prompts)(
    '$name: ten float64 logits with their bits, within 1e-9 of transformers',
    ({ name, top }) => {
      const last = goldenFloat64(`real-135m-instruct/${name}.last.f64.bin`);
      for (const { id, logit, bits } of top) {
        expect(new DataView(Uint8Array.from(Buffer.from(bits, 'hex')).buffer).getFloat64(0)).toBe(logit);
        expect(Math.abs(logit - last[id])).toBeLessThan(1e-9);
      }
      expect([...last].filter((logit) => logit > last[top[9].id])).toHaveLength(9);
    },
  );
});

const PRECISIONS = ['fast', 'precise'] as const;
const SETTINGS = PRECISIONS.flatMap((precision) => [1, 2, 3, 4].map((threads) => ({ precision, threads })));

describe.each(SETTINGS)(
  'logits of the WASM engine in $precision with $threads thread(s)',
  ({ precision, threads }) => {
    let model: Model;
    beforeAll(async () => {
      model = await realModel({ precision, threads, maxSeqLen: 256 }, nodePlatform);
    });
    afterAll(() => model?.close());

    it('have the published sha256 on all twelve prompts', async () => {
      const found: Record<string, string> = {};
      for (const { name, ids } of prompts) {
        const cache = model.newCache(ids.length);
        found[name] = hashOf([await model.forward(ids, cache, { logits: 'all' })]);
        model.freeCache(cache);
      }
      expect(found).toEqual(
        Object.fromEntries(prompts.map((prompt) => [prompt.name, prompt.sha256[precision]])),
      );
    });

    it.each(['unicode', 'code'])(
      'of %s have it in chunks of 1, 3 and 64, after a reused prefix, a cut, a replay and saved state',
      async (name) => {
        const { ids, sha256 } = prompts.find((prompt) => prompt.name === name)!;
        const other = prompts.find((prompt) => prompt.name === 'maths')!.ids;
        const hashes: Record<string, string> = {};
        const cache = model.newCache();
        /** All logits of ids[begin …], in chunks, behind what the cache holds. */
        const rest = async (begin: number, chunk = 64) => {
          const rows: (Float32Array | Float64Array)[] = [];
          for (let at = begin; at < ids.length; at += chunk) {
            rows.push(await model.forward(ids.slice(at, at + chunk), cache, { logits: 'all' }));
          }
          return rows;
        };
        for (const chunk of [1, 3, 64]) {
          cache.length = 0; // what was there before must not show
          hashes[`chunks of ${chunk}`] = hashOf(await rest(0, chunk));
        }
        cache.length = 20;
        const prefix = await model.forward(ids.slice(0, 20), model.newCache(), { logits: 'all' });
        hashes['a reused prefix'] = hashOf([prefix, ...(await rest(20))]);
        cache.length = 20;
        await model.forward(other.slice(0, 30), cache, { logits: 'none' });
        cache.length = 20;
        hashes['after a cut'] = hashOf([prefix, ...(await rest(20))]);
        cache.length = 20;
        const saved = await model.saveCache(cache);
        cache.length = 0;
        await model.forward(other, cache, { logits: 'none' });
        await model.restoreCache(cache, 20, saved);
        hashes['saved state'] = hashOf([prefix, ...(await rest(20))]);
        expect(hashes).toEqual(
          Object.fromEntries(Object.keys(hashes).map((way) => [way, sha256[precision]])),
        );
      },
    );

    it('are the same for two prompts in one batch, in either order, and alone', async () => {
      const [ids, other] = ['code', 'maths'].map(
        (name) => prompts.find((prompt) => prompt.name === name)!.ids,
      );
      const bits = new Set([bitsOf(await model.forward(ids, model.newCache()))]);
      const otherBits = new Set([bitsOf(await model.forward(other.slice(0, 12), model.newCache()))]);
      for (const flip of [false, true]) {
        const caches = [model.newCache(), model.newCache()];
        await model.forward(ids.slice(0, -1), caches[0], { logits: 'none' });
        await model.forward(other.slice(0, 9), caches[1], { logits: 'none' });
        const entries = [
          { ids: ids.slice(-1), cache: caches[0] },
          { ids: other.slice(9, 12), cache: caches[1] },
        ];
        const rows = await model.run(flip ? entries.reverse() : entries);
        bits.add(bitsOf(rows[flip ? 1 : 0][0]));
        otherBits.add(bitsOf(rows[flip ? 0 : 1][0]));
      }
      expect([bits.size, otherBits.size]).toEqual([1, 1]);
    });
  },
);

/** sha256 of rows of logits, one behind the other. */
function hashOf(rows: readonly (Float32Array | Float64Array)[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of rows)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
