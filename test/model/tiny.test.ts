import { describe, expect, it } from 'vitest';
import { hfLayout } from '../../src/model/trace.ts';
import { expectClose } from '../support/close.ts';
import { goldenTensors } from '../support/golden-tensors.ts';
import { goldenJson } from '../support/goldens.ts';
import { TINY_NAMES, tinyModel } from '../support/tiny-models.ts';

describe.each(TINY_NAMES)('tiny model %s against float64 transformers', async (name) => {
  const golden = goldenJson(`tiny/${name}/goldens.json`);
  const model = await tinyModel(name);

  it('logits of all six sequences are within 1e-10', async () => {
    const stored = await goldenTensors(`tiny/${name}/logits.f64.safetensors`);
    for (const [index, ids] of golden.sequences.entries()) {
      const logits = await model.forward(ids, model.newCache(), { logits: 'all' });
      expectClose(logits, stored.get(`seq${index}`)!.values, 1e-10, `seq${index}`);
    }
  });

  it('every module of sequence 2 is within 1e-10, in the stored shape', async () => {
    const stored = await goldenTensors(`tiny/${name}/activations.f64.safetensors`);
    const ids = golden.sequences[golden.activations_sequence];
    const seen = new Set<string>();
    const logits = await model.forward(ids, model.newCache(), {
      logits: 'all',
      trace: (point, value, shape) => {
        const { values, shape: storedShape } = stored.get(point)!;
        const ours = hfLayout(point, model.read(value), shape);
        expect(ours.shape).toEqual(storedShape);
        expectClose(ours.values, values, 1e-10, point);
        seen.add(point);
      },
    });
    expectClose(logits, stored.get('lm_head')!.values, 1e-10, 'lm_head');
    expect(new Set([...seen, 'lm_head'])).toEqual(new Set(stored.keys()));
  });

  it('24 greedy ids, one at a time, are the same', async () => {
    const { ids, prompt_sequence } = golden.generation;
    const cache = model.newCache();
    let next: readonly number[] = golden.sequences[prompt_sequence];
    const chosen: number[] = [];
    while (chosen.length < ids.length) {
      const logits = await model.forward(next, cache);
      chosen.push(logits.indexOf(Math.max(...logits)));
      next = chosen.slice(-1);
    }
    expect(chosen).toEqual(ids);
  });
});
