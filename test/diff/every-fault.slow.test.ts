// Every planted fault, in both arithmetics, without weights, and where little was traced; one of each cause is in
// planted-faults.test.ts.

import { describe, expect, it } from 'vitest';
import { diff } from '../../src/diff/diff.ts';
import { PLANTED } from '../support/faults.ts';
import type { Faults } from '../support/faulty-engine.ts';
import { candidate, reference, weights, withoutPoints } from '../support/planted-traces.ts';

describe.each(['f64', 'f32'] as const)(
  'diff on a planted fault in a program that computes in %s',
  (format) => {
    const arithmetic: Faults = format === 'f64' ? {} : { format };

    it.each(PLANTED)('names $cause for: $name', async ({ cause, faults, detail }) => {
      const report = await diff(reference, await candidate({ ...arithmetic, ...faults }), { weights });
      expect(report.cause).toBe(cause);
      expect(report.candidates[0].detail).toContain(detail ?? '');
      expect(report.points.find(({ name }) => name === report.first)?.explained).toBe(false);
    });
  },
);

describe('diff from two traces alone', () => {
  const testable = PLANTED.filter(({ cause }) => cause !== 'activations-int8');
  it.each(testable)('names $cause for: $name', async ({ cause, faults }) => {
    const report = await diff(reference, await candidate(faults));
    expect(report.cause).toBe(cause);
  });

  it('says that 8-bit activations cannot be tested without the weights', async () => {
    const report = await diff(reference, await candidate({ int8: true }));
    expect(report.first).toBe('model.layers.0.self_attn.q_proj');
    expect(report.untested).toContain('activations-int8');
  });
});

describe('diff where the faulty module itself was not traced', () => {
  const hidden = /rope|probs|attn_out|act$|residual|norm$/;
  const visible = PLANTED.filter(({ cause }) => cause !== 'position-offset');
  it.each(visible)('names $cause for: $name', async ({ cause, faults }) => {
    const trace = withoutPoints(await candidate({ format: 'f32', ...faults }), hidden);
    expect((await diff(reference, trace, { weights })).cause).toBe(cause);
  });

  it('explains positions from 1 when no rotated head was traced: attention is relative, nothing else changes', async () => {
    const trace = withoutPoints(await candidate({ positionOffset: 1 }), hidden);
    expect((await diff(reference, trace, { weights })).first).toBeNull();
  });
});
