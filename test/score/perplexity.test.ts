import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { logSumExp } from '../../src/base/log-sum-exp.ts';
import { bytesSource } from '../../src/format/source.ts';
import { loadModel } from '../../src/run/load.ts';
import { klBaseBytes, klBaseHeader, klBaseRow, readKlBase } from '../../src/score/kl-base.ts';
import { Divergence, perplexity, windowsOf } from '../../src/score/perplexity.ts';
import { compareLogits, logitsVerdict } from '../../src/verify/logits.ts';
import { goldenJson } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const model = await loadModel(await tinyCheckpoint('gqa'), { engine: 'reference' });
const { vocabSize } = model.config;
const ids: number[] = [...goldenJson('tiny/gqa/goldens.json').sequences[5], 3, 1, 4, 1, 5, 9, 2, 6];

describe('windowsOf', () => {
  it('llama: 100 tokens in windows of 32 score 15 tokens in each of three', () => {
    expect(windowsOf('llama', 100, 32)).toEqual([
      { begin: 0, end: 32, firstScored: 17 },
      { begin: 32, end: 64, firstScored: 49 },
      { begin: 64, end: 96, firstScored: 81 },
    ]);
  });

  it('hf: sliding windows score every token but the first exactly once', () => {
    const scored = windowsOf('hf', 100, 32, 10).flatMap(({ end, firstScored }) =>
      Array.from({ length: end - firstScored }, (_, n) => firstScored + n),
    );
    expect(scored).toEqual(Array.from({ length: 99 }, (_, n) => n + 1));
  });

  it('hf: windows side by side lose the first token of each', () => {
    expect(windowsOf('hf', 70, 32).map(({ firstScored }) => firstScored)).toEqual([1, 33, 65]);
  });

  it('refuses a text without one window and a stride over the window', () => {
    expect(() => windowsOf('llama', 31, 32)).toThrow(/at least 32 tokens, got 31/);
    expect(() => windowsOf('hf', 31, 8, 9)).toThrow(RangeError);
  });
});

describe('perplexity', () => {
  it('is exp of the mean -ln p over the scored tokens, with llama.cpp’s standard error', async () => {
    const windows = windowsOf('llama', ids.length, 16);
    const nlls: number[] = [];
    for (const { begin, end, firstScored } of windows) {
      const logits = await model.forward(ids.slice(begin, end), model.newCache(), { logits: 'all' });
      for (let t = firstScored; t < end; t++) {
        const row = logits.slice((t - 1 - begin) * vocabSize, (t - begin) * vocabSize);
        nlls.push(logSumExp(row) - row[ids[t]]);
      }
    }
    const mean = nlls.reduce((a, b) => a + b) / nlls.length;
    const variance = nlls.reduce((a, b) => a + b * b, 0) / nlls.length - mean * mean;
    const result = await perplexity(model, ids, windows);
    expect(result.numScored).toBe(nlls.length);
    expect(result.perplexity).toBeCloseTo(Math.exp(mean), 10);
    expect(result.plusMinus).toBeCloseTo(1.96 * Math.sqrt(variance / (nlls.length - 1)) * Math.exp(mean), 8);
  });

  it('puts a bos token in the place of the first id of every window, as llama.cpp does', async () => {
    const windows = windowsOf('llama', ids.length, 16);
    expect(windows.length).toBeGreaterThan(1);
    const replaced = [...ids];
    for (const { begin } of windows) replaced[begin] = 7;
    const { perplexity: expected } = await perplexity(model, replaced, windows);
    const result = await perplexity(model, ids, windows, { firstId: 7 });
    expect(result.perplexity).toBe(expected);
    expect(result.perplexity).not.toBe((await perplexity(model, ids, windows)).perplexity);
  });
});

/** A file of log-probabilities of the tiny model, in windows of 16. */
async function klFile(): Promise<Uint8Array> {
  const windows = windowsOf('llama', ids.length, 16);
  const parts = [klBaseHeader(16, vocabSize, ids.slice(0, windows.length * 16))];
  await perplexity(model, ids, windows, {
    onPosition: ({ logits }) => {
      parts.push(klBaseRow(logits));
    },
  });
  return new Uint8Array(Buffer.concat(parts));
}

describe('llama.cpp’s file of log-probabilities', () => {
  it('gives back ln p within half a level of its 16 bits, and a divergence near zero', async () => {
    const file = await klFile();
    expect(file.length).toBe(klBaseBytes(16, vocabSize, 3));
    const base = await readKlBase(bytesSource('base.kld', file));
    expect([base.numContext, base.vocabSize, base.numChunks]).toEqual([16, vocabSize, 3]);
    const divergence = new Divergence();
    let worst = 0;
    await perplexity(model, ids, windowsOf('llama', ids.length, 16), {
      onPosition: async ({ window, n, id, logits }) => {
        const stored = await base.logprobs(window, n);
        const sum = logSumExp(logits);
        const max = Math.max(...logits);
        for (let i = 0; i < vocabSize; i++) {
          if (logits[i] > max - 16) worst = Math.max(worst, Math.abs(stored[i] - (logits[i] - sum)));
        }
        divergence.add(stored, logits, id);
      },
    });
    // Half of 16 nats / 65535, and the float32 of scale and least times up to 65535 levels.
    expect(worst).toBeLessThan(0.5 * (16 / 65535) + 16 * 2 ** -23);
    const { meanKl, sameTop } = divergence.result();
    expect(Math.abs(meanKl)).toBeLessThan(1e-4);
    expect(sameTop).toBe(1);
  });

  it('refuses another magic, a length that does not fit, and ids outside the vocabulary', async () => {
    const file = await klFile();
    const broken = (change: (view: DataView) => void, length = file.length) => {
      const copy = file.slice(0, length);
      change(new DataView(copy.buffer));
      return readKlBase(bytesSource('base.kld', copy));
    };
    await expect(broken((view) => view.setUint8(0, 0))).rejects.toThrow(FormatError);
    await expect(broken(() => undefined, file.length - 2)).rejects.toThrow(/expected \d+ bytes/);
    await expect(broken((view) => view.setInt32(16, 2 ** 30, true))).rejects.toThrow(FormatError);
    await expect(broken((view) => view.setInt32(12, -1, true))).rejects.toThrow(/n_vocab/);
    await expect(broken((view) => view.setInt32(20, vocabSize, true))).rejects.toThrow(/tokens.*an id under/);
  });
});

describe('Divergence', () => {
  it('of (1/2, 1/2) from (1/4, 3/4) is ln 2 / 2 + ln(2/3) / 2 = 0.1438 nats', () => {
    const divergence = new Divergence();
    divergence.add(
      Float64Array.of(Math.log(0.5), Math.log(0.5)),
      Float64Array.of(Math.log(0.25), Math.log(0.75)),
      0,
    );
    expect(divergence.result().meanKl).toBeCloseTo(Math.log(2) / 2 + Math.log(2 / 3) / 2, 12);
    expect(divergence.result().basePerplexity).toBeCloseTo(2, 12);
    expect(divergence.result().rmsProbability).toBeCloseTo(0.25, 12);
  });
});

describe('compareLogits', () => {
  it('takes a constant per row away: log-probabilities compare as logits', () => {
    const a = [1, 2, 3, 4, 5, 6, 0, 0, 1, 2, 3, 9];
    const shifted = a.map((value, i) => value - (i < 6 ? 4 : -7));
    const same = compareLogits(a, shifted, 6);
    expect(same.maxAbs).toBeLessThan(1e-14);
    expect([same.sameTop, same.sameTop5, logitsVerdict(same)]).toEqual([1, 1, 'right']);
    const other = compareLogits(a, [...a.slice(0, 6), ...a.slice(6).reverse()], 6);
    expect([other.sameTop, logitsVerdict(other)]).toEqual([0.5, 'wrong-model']);
  });
});
