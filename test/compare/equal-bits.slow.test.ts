// The promise of equal bits on the real weights: the published sha256, and every way to come to the same
// logits.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/load.ts';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/runtime/platform-node.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenFloat64 } from '../support/goldens.ts';
import { bitsOf } from '../support/wasm.ts';
import { realCheckpoint, realWeights } from '../support/weights.ts';

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

describe.each(['fast', 'precise'] as const)('logits of the WASM engine in %s', (precision) => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(await realCheckpoint(), { precision, threads: 2, maxSeqLen: 256 }, nodePlatform);
  });
  afterAll(() => model?.close());

  it('have the published sha256 on all twelve prompts', { timeout: 300_000 }, async () => {
    const found: Record<string, string> = {};
    for (const { name, ids } of prompts) {
      const logits = await model.forward(ids, model.newCache(ids.length), { logits: 'all' });
      found[name] = sha256(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
    }
    expect(found).toEqual(
      Object.fromEntries(prompts.map((prompt) => [prompt.name, prompt.sha256[precision]])),
    );
  });

  it('are the same in chunks of 3, after a reused prefix, after a cut, and in a batch', {
    timeout: 300_000,
  }, async () => {
    const { ids } = prompts.find(({ name }) => name === 'code')!;
    const other = prompts.find(({ name }) => name === 'maths')!.ids;
    const last = async (use: () => Promise<ArrayLike<number>>) => bitsOf(await use());
    const bits = new Set<string>();
    bits.add(await last(() => model.forward(ids, model.newCache())));
    bits.add(
      await last(async () => {
        const cache = model.newCache();
        let logits: ArrayLike<number> = [];
        for (let at = 0; at < ids.length; at += 3) logits = await model.forward(ids.slice(at, at + 3), cache);
        return logits;
      }),
    );
    bits.add(
      await last(async () => {
        const cache = model.newCache();
        await model.forward([...ids.slice(0, 20), ...other.slice(0, 30)], cache, { logits: 'none' });
        cache.length = 20;
        return model.forward(ids.slice(20), cache);
      }),
    );
    bits.add(
      await last(async () => {
        const cache = model.newCache();
        await model.forward(ids, cache, { logits: 'none' });
        cache.length = 0;
        return model.forward(ids, cache);
      }),
    );
    for (const flip of [false, true]) {
      const caches = [model.newCache(), model.newCache()];
      await model.forward(ids.slice(0, -1), caches[0], { logits: 'none' });
      await model.forward(other.slice(0, 9), caches[1], { logits: 'none' });
      const entries = [
        { ids: ids.slice(-1), cache: caches[0] },
        { ids: other.slice(9, 12), cache: caches[1] },
      ];
      const rows = await model.forwardBatch(flip ? entries.reverse() : entries);
      bits.add(bitsOf(rows[flip ? 1 : 0]));
    }
    expect(bits.size).toBe(1);
  });
});
