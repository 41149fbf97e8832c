// A cache kept in 16 bits, in a model of which every other layer was dumped.

import { expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { roundTo } from '../../src/diff/precision.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { openNode } from '../../src/node/open.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';

const IDS = [1, 19, 15, 84, 85, 26, 70, 54, 33, 41, 8, 77, 61, 12];
const DUMPED = /^(model\.layers\.[13]|lm_head|input_ids)$/;

it('finds nothing more behind a 16-bit cache where values fell on the other of two steps', async () => {
  const nano = await openNode('models/nano.gguf');
  const dumped = async (faults: Faults) => {
    const trace = await traceModel(await faultyModel(nano, faults), IDS);
    return { ...trace, tensors: new Map([...trace.tensors].filter(([name]) => DUMPED.test(name))) };
  };
  const cached = (x: Float64Array) => x.map((value) => roundTo('f16', value));
  const candidate = await dumped({ format: 'f32', cached });
  const report = await diff(await dumped({}), candidate, { weights: checkpointWeights(nano) });
  expect(report.faults.map(({ cause }) => cause)).toEqual(['kv-cache-rounding']);
  await nano.close();
});
