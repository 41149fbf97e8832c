// Programs with planted faults on the tiny model with grouped heads, each as its trace, beside the right one's.

import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import type { RawTrace } from '../../src/traces/raw-trace.ts';
import { type Faults, faultyModel } from './faulty-engine.ts';
import { goldenJson } from './goldens.ts';
import { tinyCheckpoint } from './tiny-models.ts';

export const checkpoint = await tinyCheckpoint('gqa');
export const weights = checkpointWeights(checkpoint);
export const ids: number[] = goldenJson('tiny/gqa/goldens.json').sequences[3];
export const reference = await traceModel(await faultyModel(checkpoint, {}), ids, 'reference');

export const candidate = async (faults: Faults) =>
  traceModel(await faultyModel(checkpoint, faults), ids, 'candidate');

/** The trace where only some points were dumped. */
export const withoutPoints = (trace: RawTrace, dropped: RegExp): RawTrace => ({
  ...trace,
  tensors: new Map([...trace.tensors].filter(([name]) => !dropped.test(name))),
});
