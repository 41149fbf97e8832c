import { describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { faultyModel } from '../support/faulty-engine.ts';
import { goldenJson } from '../support/goldens.ts';
import { TINY_NAMES, tinyCheckpoint } from '../support/tiny-models.ts';

/** Four sequences of each of six models: 24 pairs per format, 72 in all, with and without the weights. */
const pairs = (['f32', 'bf16', 'f16'] as const).flatMap((format) =>
  TINY_NAMES.flatMap((name) => [2, 3, 4, 5].map((sequence) => ({ format, name, sequence }))),
);

describe('72 clean pairs raise no alarm', () => {
  it.each(pairs)('$format, model $name, sequence $sequence', async ({ format, name, sequence }) => {
    const checkpoint = await tinyCheckpoint(name);
    const ids: number[] = goldenJson(`tiny/${name}/goldens.json`).sequences[sequence];
    const reference = await traceModel(await faultyModel(checkpoint, {}), ids, 'reference');
    const candidate = await traceModel(await faultyModel(checkpoint, { format }), ids, 'candidate');
    const weights = checkpointWeights(checkpoint);
    for (const options of [{ weights }, {}]) {
      const report = await diff(reference, candidate, options);
      expect([report.first, report.cause, report.format]).toEqual([null, null, format]);
      expect(report.points).toHaveLength(reference.tensors.size - 1);
    }
  });
});
