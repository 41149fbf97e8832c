// diff on what llama.cpp prints, the real thing: test/golden/llama.cpp (made by test/golden/make_eval_callback.py).

import { describe, expect, it } from 'vitest';
import { type DiffOptions, diff } from '../../src/diff/diff.ts';
import { checkpointWeights } from '../../src/diff/weight-source.ts';
import { loadModel } from '../../src/run/load.ts';
import { align } from '../../src/traces/align.ts';
import { parseEvalCallback } from '../../src/traces/eval-callback.ts';
import { traceModel } from '../../src/traces/live-trace.ts';
import { goldenBytes } from '../support/goldens.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';

const IDS = [1, 19, 15, 84, 85, 26, 70, 54];
const FILE = 'llama.cpp/tiny-gqa-f32.eval-callback.txt';
const text = new TextDecoder().decode(goldenBytes(FILE));
const printed = parseEvalCallback(text, FILE);
const checkpoint = await tinyCheckpoint('gqa');
const reference = await traceModel(await loadModel(checkpoint, { engine: 'reference' }), IDS);

const compare = (options: DiffOptions = {}, candidate = printed) =>
  diff(reference, candidate, { weights: checkpointWeights(checkpoint), ...options });

describe('the text of eval-callback for the tiny model in float32', () => {
  it('has 33 points of ours among its 68 nodes; views, caches and unweighted norms are left alone', () => {
    expect(text.match(/^common_debug_cb_eval: /gm)).toHaveLength(68);
    const aligned = align(printed, checkpoint.config, align(reference, checkpoint.config));
    expect(aligned.points.size).toBe(33);
    const rawNames = new Map([...aligned.points.values()].map(({ name, rawName }) => [name, rawName]));
    expect(rawNames.get('model.layers.0.self_attn.q_proj')).toBe('Qcur-0');
    expect(rawNames.get('model.layers.0.self_attn.q_rope')).toBe('Qcur-0 (ROPE)');
    expect(rawNames.get('model.layers.1')).toBe('l_out-1');
    expect(rawNames.get('model.norm')).toBe('result_norm');
    expect(rawNames.get('lm_head')).toBe('result_output');
    expect(aligned.ignored).toEqual(
      expect.arrayContaining(['norm (RMS_NORM)', 'Qcur-0 (RESHAPE)', 'Kcur-0 (view)', 'cache_k_l0 (view)']),
    );
    expect(aligned.notes.join('; ')).toMatch(/last 1 of 8 rows.*heads stand interleaved/);
  });

  it('shows 6 of 8 rows and 6 of 32 columns, each within half a unit of the fourth decimal', () => {
    const aligned = align(printed, checkpoint.config, align(reference, checkpoint.config));
    const embedding = aligned.points.get('model.embed_tokens')!;
    const expected = reference.tensors.get('model.embed_tokens')!.values;
    expect(embedding.known!.reduce((sum, bit) => sum + bit, 0)).toBe(36);
    expect(embedding.resolution).toBeCloseTo(5e-5, 12);
    for (const [i, bit] of embedding.known!.entries()) {
      if (bit) expect(Math.abs(embedding.values[i] - expected[i])).toBeLessThanOrEqual(5e-5 + 1e-12);
    }
  });

  it('is explained up to attention, where flash attention in f16 is named, and with it to the last of 33', {
    tags: ['slow'],
  }, async () => {
    const report = await compare();
    expect(report).toMatchObject({ first: 'model.layers.0.self_attn.attn_out', cause: 'kv-cache-rounding' });
    expect(report.candidates[0].detail).toContain('flash attention that sums in f16');
    expect(report.candidates[0].fit).toBeGreaterThan(0.99);
    expect(report.notes.join()).toContain('to go on there, dump whole tensors');
    expect(report.points.findIndex(({ explained }) => !explained)).toBe(7);
    const accepted = await compare({ accept: ['kv-cache-rounding'] });
    expect([accepted.first, accepted.points.length]).toEqual([null, 33]);
    expect(accepted.points.every(({ explained }) => explained)).toBe(true);
  });

  it('names another rope theta, printed with four decimals and with most values left out', {
    tags: ['slow'],
  }, async () => {
    const config = { ...checkpoint.config, ropeTheta: 50_000 };
    const other = await traceModel(await loadModel({ ...checkpoint, config }, { engine: 'reference' }), IDS);
    const report = await diff(other, printed, {
      weights: { ...checkpointWeights(checkpoint), config },
      accept: ['kv-cache-rounding'],
    });
    expect(report).toMatchObject({ first: 'model.layers.0.self_attn.q_rope', cause: 'rope-theta' });
    expect(report.candidates[0].detail).toMatch(/^theta 10000, expected 50000/);
  });

  it('is blamed for one digit that was changed: the value’s own point is the first', {
    tags: ['slow'],
  }, async () => {
    // The first value of the last printed row of ffn_up-0.
    const at = text.indexOf(' ffn_up-0 = ');
    const row = text.slice(0, text.indexOf(' ffn_swiglu-0 = ')).lastIndexOf('            [') + 13;
    expect(row).toBeGreaterThan(at);
    const digit = row + 7;
    const changed = text.slice(0, digit) + ((Number(text[digit]) + 5) % 10) + text.slice(digit + 1);
    const report = await compare({ accept: ['kv-cache-rounding'] }, parseEvalCallback(changed, FILE));
    expect(report.first).toBe('model.layers.0.mlp.up_proj');
  });
});
