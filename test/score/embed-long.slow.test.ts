// A text of 8,000 ids as a vector, in the calling thread: what nobody may notice beside it.

import { describe, expect, it } from 'vitest';
import { loadWeights } from '../../src/model/weights.ts';
import { modelHere } from '../../src/run/loaded-model.ts';
import { embedIds } from '../../src/score/embed.ts';
import { expectClose } from '../support/close.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { wasmEngine } from '../support/wasm.ts';

const CONFIG = { ...SMALL_CONFIG, numLayers: 1, maxSeqLen: 8192 };
const ids = Array.from({ length: 8000 }, (_, t) => (t * 37 + 11) % 61);

async function open() {
  const engine = wasmEngine({ headDim: CONFIG.headDim, build: 'strict-single' });
  const { tensors } = randomCheckpoint(CONFIG, () => 'Q4_1');
  const model = modelHere(engine, CONFIG, await loadWeights(engine, CONFIG, tensors));
  const blocks: number[] = [];
  const { attentionInput } = engine.fused;
  Object.assign(engine.fused, {
    attentionInput: (...args: Parameters<typeof attentionInput>) => {
      const [{ count, startPos }] = args[5].sequences;
      blocks.push(count * (startPos + count));
      attentionInput(...args);
    },
  });
  return { engine, model, blocks };
}

describe('embedIds of 8,000 ids', () => {
  it('never holds the thread for more than 2^18 rows times positions at once', async () => {
    const { model, blocks } = await open();
    await embedIds(model, ids);
    expect(Math.max(...blocks)).toBeLessThanOrEqual(2 ** 18);
    expect(blocks.length).toBeGreaterThan(8000 / 128);
  });

  it('takes memory that grows with the text, not with its square', async () => {
    const bytesOf = async (count: number) => {
      const { engine, model } = await open();
      await embedIds(model, ids.slice(0, 1));
      const before = engine.linearMemory.buffer.byteLength;
      await embedIds(model, ids.slice(0, count));
      return engine.linearMemory.buffer.byteLength - before;
    };
    const [some, all] = [await bytesOf(2000), await bytesOf(8000)];
    expect(all).toBeLessThanOrEqual(4 * some + 2 ** 21); // memory grows by whole megabytes
  });

  it('is the mean that a trace of the same ids shows', async () => {
    const { model } = await open();
    const cache = model.newCache();
    const sum = new Float64Array(CONFIG.hiddenSize);
    for (let begin = 0; begin < ids.length; begin += 500) {
      await model.forward(ids.slice(begin, begin + 500), cache, {
        points: ['model.norm'],
        trace: (_, value) => {
          model.read(value).forEach((number, at) => {
            sum[at % CONFIG.hiddenSize] += number;
          });
        },
      });
    }
    const length = Math.hypot(...sum);
    expectClose(
      await embedIds(model, ids),
      Float32Array.from(sum, (value) => value / length),
      0,
      'mean',
    );
  });
});
