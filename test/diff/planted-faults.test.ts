import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/diff/causes/all.ts';
import { diff } from '../../src/diff/diff.ts';
import { type FloatFormat, roundTo } from '../../src/diff/precision.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import type { RawTrace } from '../../src/traces/raw-trace.ts';
import { denseMatrix, PLANTED, rowsOf, untieHead, withLayer } from '../support/faults.ts';
import { faultyModel } from '../support/faulty-engine.ts';
import { candidate, checkpoint, ids, reference, weights, withoutPoints } from '../support/planted-traces.ts';

/** One fault of each cause; all of them are in every-fault.slow.test.ts. */
const EACH_CAUSE = [...new Map([...PLANTED].reverse().map((fault) => [fault.cause, fault])).values()];

describe('diff on a planted fault in a program that computes in float32', () => {
  it.each(EACH_CAUSE)('names $cause for: $name', { tags: ['slow'] }, async ({ cause, faults, detail }) => {
    const report = await diff(reference, await candidate({ format: 'f32', ...faults }), { weights });
    expect(report.cause).toBe(cause);
    expect(report.candidates[0].detail).toContain(detail ?? '');
    expect(report.points.find(({ name }) => name === report.first)?.explained).toBe(false);
  });
});

describe('diff on a cause of precision', () => {
  it('names a norm that applies its weight before the cast to bf16', { tags: ['slow'] }, async () => {
    const report = await diff(reference, await candidate({ format: 'bf16', weightBeforeCast: true }), {
      weights,
    });
    expect(report.cause).toBe('norm-weight-before-cast');
    expect(report.first).toBe('model.layers.0.input_layernorm');
  });

  const places = ['self_attn.o_proj', 'self_attn.attn_probs', 'mlp.act', 'mlp.down_proj', 'self_attn.q_rope'];
  const cases = (['bf16', 'f16'] as const).flatMap((format) => places.map((part) => ({ format, part })));
  it.each(cases)(
    'names $format-rounding at $part of layer 1',
    { tags: ['slow'] },
    async ({ format, part }) => {
      const point = `model.layers.1.${part}`;
      const report = await diff(reference, await roundedAt(point, format), { weights });
      expect([report.first, report.cause]).toEqual([point, `${format}-rounding`]);
    },
  );

  it('names f32-rounding at one module of a float64 program', { tags: ['slow'] }, async () => {
    const report = await diff(reference, await roundedAt('model.layers.0.mlp.up_proj', 'f32'), { weights });
    expect(report.cause).toBe('f32-rounding');
  });
});

/** The clean engine with one point rounded on the way. */
async function roundedAt(point: string, format: FloatFormat): Promise<RawTrace> {
  const model = await faultyModel(checkpoint, {});
  const tensors = new Map(reference.tensors);
  const logits = await model.forward(ids, model.newCache(), {
    logits: 'all',
    trace: (name, value, shape) => {
      const values = Float64Array.from(model.read(value));
      if (name === point)
        model.write(
          value,
          values.map((x) => roundTo(format, x)),
        );
      tensors.set(name, { shape, values: Float64Array.from(model.read(value)) });
    },
  });
  tensors.set('lm_head', {
    shape: [ids.length, checkpoint.config.vocabSize],
    values: Float64Array.from(logits),
  });
  return { name: 'rounded', tensors, metadata: {} };
}

describe('diff on a fault of no known kind', () => {
  const { hiddenSize } = checkpoint.config;

  it('finds two exchanged layers, and which layer fits', { tags: ['slow'] }, async () => {
    const report = await diff(
      reference,
      await candidate({ weights: (w) => ({ ...w, layers: [w.layers[1], w.layers[0]] }) }),
      { weights },
    );
    expect([report.first, report.cause]).toEqual(['model.layers.0.input_layernorm', 'layers-exchanged']);
    expect(report.candidates[0].detail).toContain('layer 1 fit instead of those of layer 0');
  });

  it('names no cause for a head of its own: another matrix cannot be told from the numbers', {
    tags: ['slow'],
  }, async () => {
    const report = await diff(reference, await candidate({ weights: untieHead }), { weights });
    expect([report.first, report.cause]).toEqual(['lm_head', null]);
    expect(report.candidates.map(({ cause }) => cause)).toContain('untied-head');
    expect(report.candidates.find(({ cause }) => cause === 'untied-head')?.leaves).toBeGreaterThan(1);
  });

  it('finds a dead head', { tags: ['slow'] }, async () => {
    const report = await diff(reference, await candidate({ deadHead: 2, deadHeadLayer: 1 }), { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.1.self_attn.attn_out', 'dead-heads']);
    expect(report.narrowing?.heads).toEqual([2]);
  });

  it('finds a head that does not reach o_proj when nothing else of attention was traced', {
    tags: ['slow'],
  }, async () => {
    const trace = withoutPoints(
      await candidate({ deadHead: 2, deadHeadLayer: 1 }),
      /rope|probs|attn_out|residual/,
    );
    const report = await diff(reference, trace, { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.1.self_attn.o_proj', 'dead-heads']);
    expect(report.candidates[0].detail).toBe('head 2 does not reach o_proj');
  });

  it('finds a transposed matrix', { tags: ['slow'] }, async () => {
    const transpose = (w: Parameters<typeof withLayer>[0]) =>
      withLayer(w, 1, (layer) => {
        const rows = rowsOf(layer.oProj);
        return { ...layer, oProj: denseMatrix(hiddenSize, hiddenSize, (o, i) => rows[i][o]) };
      });
    const report = await diff(reference, await candidate({ weights: transpose }), { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.1.self_attn.o_proj', 'weight-transposed']);
  });

  it('finds one corrupt weight: matrix, row, column and by how much', { tags: ['slow'] }, async () => {
    const corrupt = (w: Parameters<typeof withLayer>[0]) =>
      withLayer(w, 0, (layer) => {
        const { downProj } = layer;
        const rows = rowsOf(downProj);
        rows[17][41] += 0.25;
        return { ...layer, downProj: denseMatrix(downProj.outSize, downProj.inSize, (o, i) => rows[o][i]) };
      });
    const report = await diff(reference, await candidate({ weights: corrupt }), { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.0.mlp.down_proj', 'corrupt-weight']);
    expect(report.narrowing?.columns).toEqual([17]);
    expect(report.candidates[0].detail).toContain('[17, 41] (off by 0.2500)');
  });

  it('says where the first NaN stands', { tags: ['slow'] }, async () => {
    const trace = await candidate({});
    const broken = trace.tensors.get('model.layers.1.mlp.act')!.values;
    broken[3 * 72 + 5] = Number.NaN;
    const report = await diff(reference, trace, { weights });
    expect([report.first, report.cause]).toEqual(['model.layers.1.mlp.act', null]);
    expect(report.narrowing?.findings[0]).toBe('the first NaN stands in row 3, column 5');
  });

  it('names other tokens before anything else', async () => {
    const model = await faultyModel(checkpoint, {});
    const report = await diff(reference, await traceModel(model, [1, ...ids.slice(0, -1)]), { weights });
    expect([report.first, report.cause]).toEqual(['input_ids', 'input-ids']);
    expect(report.candidates[0].detail).toBe('id 19 against 1 at position 1');
  });
});

describe('diff with an accepted cause', () => {
  it('passes over 8-bit activations in every product, and finds the other fault behind them', {
    tags: ['slow'],
  }, async () => {
    const trace = await candidate({ format: 'f32', int8: true, ropeTheta: 50_000 });
    const accept = ['activations-int8'];
    const report = await diff(reference, trace, { weights, accept });
    expect([report.first, report.cause]).toEqual(['model.layers.0.self_attn.q_rope', 'rope-theta']);
    const clean = await diff(reference, await candidate({ format: 'f32', int8: true }), { weights, accept });
    expect(clean.first).toBeNull();
    await expect(diff(reference, trace, { weights, accept: ['x'] })).rejects.toThrow(/accept: .* got x/);
  });
});

describe('the list of causes', () => {
  it('has every id once, in kebab-case', () => {
    const found = CAUSES.map(({ id }) => id);
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
  });
});
