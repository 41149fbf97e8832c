// Faults that undo each other nearly, or that the bench does not plant: never called right, never named wrongly.

import { describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { roundTo } from '../../src/diff/precision.ts';
import type { LayerWeights } from '../../src/model/weights.ts';
import type { RawTrace } from '../../src/traces/raw-trace.ts';
import { denseMatrix, rowsOf } from '../support/faults.ts';
import type { Faults } from '../support/faulty-engine.ts';
import { candidate, checkpoint, reference, weights } from '../support/planted-traces.ts';

const { headDim } = checkpoint.config;

const inEachLayer = (change: (layer: LayerWeights) => Partial<LayerWeights>): Faults => ({
  weights: (all) => ({ ...all, layers: all.layers.map((layer) => ({ ...layer, ...change(layer) })) }),
});

function matrix(of: unknown, at: (rows: readonly Float64Array[], o: number, i: number) => number) {
  const rows = rowsOf(of);
  return denseMatrix(rows.length, rows[0].length, (o, i) => at(rows, o, i));
}
const times = (of: unknown, factor: number) => matrix(of, (rows, o, i) => factor * rows[o][i]);
const firstHeadsExchanged = (of: unknown) =>
  matrix(of, (rows, o, i) => rows[o < 2 * headDim ? (o + headDim) % (2 * headDim) : o][i]);

const FAULTS: [string, Faults, readonly string[]][] = [
  [
    'values times 3, output times 0.33',
    inEachLayer(({ qkv, oProj }) => ({
      qkv: { ...qkv, vProj: times(qkv.vProj, 3) },
      oProj: times(oProj, 0.33),
    })),
    ['scaled-output'],
  ],
  [
    'two query heads of a group exchanged',
    inEachLayer(({ qkv }) => ({ qkv: { ...qkv, qProj: firstHeadsExchanged(qkv.qProj) } })),
    ['moved-values'],
  ],
  [
    'scores in f16',
    { scored: (score, t, p) => (p <= t ? roundTo('f16', score) : Number.NEGATIVE_INFINITY) },
    ['softmax-rounding'],
  ],
  [
    'logits of the row before',
    { logits: (x, size) => x.map((value, i) => (i < size ? value : x[i - size])) },
    ['moved-values'],
  ],
];

const DUMPED: Record<string, (name: string) => boolean> = {
  everything: () => true,
  'a layer': (name) => ['input_ids', 'model.layers.1', 'lm_head'].includes(name),
  'logits only': (name) => ['input_ids', 'lm_head'].includes(name),
};

const part = (trace: RawTrace, isIn: (name: string) => boolean): RawTrace => ({
  ...trace,
  tensors: new Map([...trace.tensors].filter(([name]) => isIn(name))),
});

describe.each(FAULTS)('diff on %s', (_, faults, names) => {
  it.each(Object.entries(DUMPED))('of which is dumped: %s', async (_, isIn) => {
    const theirs = await candidate({ format: 'f32', ...faults });
    const report = await diff(part(reference, isIn), part(theirs, isIn), { weights });
    expect(report.verdict).not.toBe('right');
    for (const { cause } of report.faults) expect(names).toContain(cause);
  });
});
