import { describe, expect, it } from 'vitest';
import { allPoints } from '../../src/model/points.ts';
import { hfLayout } from '../../src/model/trace.ts';
import { expectClose, maxAbs } from '../support/close.ts';
import { goldenTensors } from '../support/golden-tensors.ts';
import { goldenPrompt } from '../support/prompts.ts';
import { realModel } from '../support/weights.ts';

// The files hold float64 values rounded to float32: half a unit in the last place, 6e-8 of the value, is expected.
describe('activations of the reference engine on the real weights', async () => {
  const model = await realModel();

  it.each(['five-tokens', 'eight-tokens'])(
    '%s: every stored module is within 1e-6 of the largest value of its tensor, in the stored shape',
    async (name) => {
      const stored = await goldenTensors(`real-135m-instruct/${name}.activations.safetensors`);
      const seen = new Set<string>();
      const compare = (point: string, values: ArrayLike<number>, shape: readonly number[]) => {
        const golden = stored.get(point);
        if (!golden) return;
        expect(shape).toEqual(golden.shape);
        expectClose(values, golden.values, 1e-6 * maxAbs(golden.values), point);
        seen.add(point);
      };
      const { ids } = goldenPrompt(name);
      const logits = await model.forward(ids, model.newCache(ids.length), {
        logits: 'all',
        trace: (point, value, shape) => {
          const ours = hfLayout(point, model.read(value), shape);
          compare(point, ours.values, ours.shape);
        },
      });
      compare('lm_head', logits, [1, ids.length, model.config.vocabSize]);
      expect([...seen].sort()).toEqual([...stored.keys()].filter((point) => point !== 'input_ids').sort());
    },
    60_000,
  );

  it('has a trace point for every module of all 30 layers', () => {
    expect(allPoints(30)).toHaveLength(3 + 16 * 30);
  });
});
