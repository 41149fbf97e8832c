// Dumps of a few layers: through those between them the bound is measured, and the error of the first row is one random
// number times a pattern. A single sample of it was so small that a right program in float32 was called wrong, with a
// cause; and what a known fault left at later points was given one as well.

import { afterAll, describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { checkpointWeights, keptWeights } from '../../src/diff/weight-source.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { wasmModule } from '../../src/node/platform.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import type { RawTrace } from '../../src/traces/raw-trace.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';
import { withoutPoints } from '../support/planted-traces.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';
import { realCheckpoint } from '../support/weights.ts';

const IDS = [52, 7, 7, 7, 30, 66, 30, 66, 90, 3, 52];

/** The trace of a program that dumps its ids, its logits and every `step`-th layer. */
async function everyNth(checkpoint: Checkpoint, faults: Faults, step: number): Promise<RawTrace> {
  const { numLayers } = checkpoint.config;
  const layers = Array.from({ length: Math.floor(numLayers / step) }, (_, n) => (n + 1) * step - 1);
  const trace = await traceModel(await faultyModel(checkpoint, faults), IDS, 'a program');
  return withoutPoints(trace, new RegExp(`^(?!(lm_head|input_ids|model\\.layers\\.(${layers.join('|')}))$)`));
}

const NUM_LAYERS = 15;
const whole = await realCheckpoint();
afterAll(() => whole.close());

describe('diff on every fifth layer of the real weights', async () => {
  const checkpoint = { ...whole, config: { ...whole.config, numLayers: NUM_LAYERS } };
  const weights = keptWeights(checkpointWeights(checkpoint, await wasmModule('products')));
  const reference = await everyNth(checkpoint, {}, 5);

  it('calls a right program in float32 right', async () => {
    const report = await diff(reference, await everyNth(checkpoint, { format: 'f32' }, 5), { weights });
    expect([report.verdict, report.first]).toEqual(['right', null]);
  });

  it('names the one fault there is', async () => {
    const faults: Faults = { format: 'f32', turned: (cos, sin) => [cos, -sin] };
    const report = await diff(reference, await everyNth(checkpoint, faults, 5), { weights });
    expect(report.faults.map(({ cause }) => cause)).toEqual(['rope-reversed']);
  });

  it.each<[string, Faults]>([
    // What float32 makes of this program is far more than what it makes of the right one.
    ['rmsnorm-mean', { normDivisor: 1 }],
    // No hypothesis has this number: the first ones show where it is to be looked for.
    ['rope-theta', { ropeTheta: 12_345.678 }],
    // The first row is right, so only what lies between rows is asked for; the grid has 0.137 and 0.334.
    ['attention-scale', { attentionScale: 0.2 }],
    // Every row depends on those behind it: nothing can be told from the first rows alone.
    ['attention-mask', { scored: (score, t, p) => (p <= t ? score : score - 10) }],
  ])('names %s from the logits alone', async (cause, faults) => {
    const candidate = await everyNth(checkpoint, { format: 'f32', ...faults }, NUM_LAYERS + 1);
    const report = await diff(withoutPoints(reference, /^model/), candidate, { weights });
    expect(report.faults.map((fault) => fault.cause)).toEqual([cause]);
  });
});

describe('diff on every second layer of a small network', () => {
  it('names an eps of the final norm alone, and not two causes that leave as little by chance', async () => {
    const checkpoint = await tinyCheckpoint('mha');
    const weights = checkpointWeights(checkpoint);
    const reference = await everyNth(checkpoint, {}, 2);
    const faults: Faults = { format: 'f32', eps: 1e-3, normScope: 'final' };
    const report = await diff(reference, await everyNth(checkpoint, faults, 2), { weights });
    expect(report.faults.map(({ cause }) => cause)).toEqual(['rmsnorm-eps']);
    expect(report.candidates[0].detail).toContain('in the final norm');
    await checkpoint.close();
  });
});
