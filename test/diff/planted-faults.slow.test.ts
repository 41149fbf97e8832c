// Planted faults on the real weights: the first two layers of SmolLM2-135M with its head, so that all of them
// run.

import { afterAll, describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { PLANTED } from '../support/faults.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';
import { goldenJson } from '../support/goldens.ts';
import { realCheckpoint } from '../support/weights.ts';

const NUM_LAYERS = 2;
const whole = await realCheckpoint();
afterAll(() => whole.close());
const checkpoint = {
  ...whole,
  config: { ...whole.config, numLayers: NUM_LAYERS },
  tensors: new Map(
    [...whole.tensors].filter(([name]) => !(Number(/layers\.(\d+)/.exec(name)?.[1]) >= NUM_LAYERS)),
  ),
};
const weights = checkpointWeights(checkpoint);
const ids: number[] = goldenJson('real-135m-instruct/plain-english.json').ids.slice(0, 8);
const reference = await traceModel(await faultyModel(checkpoint, {}), ids, 'reference');
const candidate = async (faults: Faults) =>
  traceModel(await faultyModel(checkpoint, faults), ids, 'candidate');

describe('diff on the real weights', () => {
  it.each(PLANTED)('names $cause for: $name', async ({ cause, faults, detail }) => {
    const report = await diff(reference, await candidate({ format: 'f32', ...faults }), { weights });
    expect(report.cause).toBe(cause);
    expect(report.candidates[0].detail).toContain(detail ?? '');
  });

  it('names a norm weight applied before the cast to bf16', async () => {
    const report = await diff(reference, await candidate({ format: 'bf16', weightBeforeCast: true }), {
      weights,
    });
    expect(report.cause).toBe('norm-weight-before-cast');
  });

  it.each(['f32', 'bf16', 'f16'] as const)('raises no alarm on a clean program in %s', async (format) => {
    const trace = await candidate({ format });
    for (const options of [{ weights }, {}]) {
      const report = await diff(reference, trace, options);
      expect([report.first, report.format]).toEqual([null, format]);
    }
  });
});
