import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { compareWithGolden, type GoldenErrors, goldenPrompt, PROMPT_NAMES } from '../support/prompts.ts';
import { bitsOf } from '../support/wasm.ts';
import { realModel } from '../support/weights.ts';

/** What `fast` may cost on a logit: twice the most that was measured on these prompts (0.0079). */
const FAST_LOGITS = 0.016;
const NEARNESS = {
  fast: 'within 0.016 of float64',
  precise: 'as near to float64 as those of float32 transformers',
};

describe.each(['fast', 'precise'] as const)('%s, the 135M in Q4_1', (precision) => {
  let model: Model;
  beforeAll(async () => {
    model = await realModel({ precision, threads: 2 }, nodePlatform);
  });
  afterAll(() => model?.close());

  describe.each(PROMPT_NAMES)('%s', (name) => {
    const prompt = goldenPrompt(name);
    let errors: GoldenErrors;
    beforeAll(async () => {
      errors = await compareWithGolden(model, prompt);
      console.log(
        `${precision}, ${name}: max |logit - f64| ${errors.logits}, |log p - f64| ${errors.logprobs}`,
      );
    });

    it(`logits are ${NEARNESS[precision]}`, () => {
      const nearEnough =
        precision === 'fast' ? FAST_LOGITS : prompt.f64_minus_f32.max_abs_logit_diff_all_positions;
      expect(errors.logits).toBeLessThanOrEqual(nearEnough);
    });

    it('the greedy continuation of 48 tokens is that of float64', () => {
      const excusable = prompt.greedy48.top1_minus_top2.map((margin) => margin < 2 * errors.logits);
      errors.greedy.forEach((id, n) => {
        if (!excusable[n]) expect(id, `token ${n}`).toBe(prompt.greedy48.ids[n]);
      });
    });
  });
});

describe.each(['fast', 'precise'] as const)('%s, bits of the 135M', (precision) => {
  it('are the same for 1 to 4 threads and the calling thread, in chunks of 1, 7, 64 and whole', async () => {
    const { ids } = goldenPrompt('chat-multi-turn');
    const alone = { ...nodePlatform, spawn: undefined };
    const bits = new Set<string>();
    for (const [threads, chunk] of [
      [0, ids.length],
      [1, 64],
      [2, 1],
      [2, 7],
      [3, 64],
      [4, ids.length],
    ]) {
      const options = { precision, threads: Math.max(1, threads) };
      const model = await realModel(options, threads === 0 ? alone : nodePlatform);
      const cache = model.newCache(256);
      const all: ArrayLike<number>[] = [];
      for (let begin = 0; begin < ids.length; begin += chunk) {
        all.push(await model.forward(ids.slice(begin, begin + chunk), cache, { logits: 'all' }));
      }
      for (let n = 0; n < 4; n++) all.push(await model.forward([ids[n]], cache));
      bits.add(bitsOf(...all));
      await model.close();
    }
    expect(bits.size).toBe(1);
  });
});
