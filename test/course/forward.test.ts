import { describe, expect, it } from 'vitest';
import { forward } from '../../course/07-forward/forward.exercise.ts';
import { examined, mutantOutcomes } from '../../course/grade.ts';

/** What `diff` calls the first wrong point of a few wrong wirings. */
const FIRST_POINTS = [
  { mistake: 'parallel-branches', point: 'model.layers.0.post_attention_layernorm' },
  { mistake: 'no-second-norm', point: 'model.layers.0.mlp.gate_proj' },
  { mistake: 'no-first-residual', point: 'model.layers.0.post_attention_layernorm' },
  { mistake: 'no-second-residual', point: 'model.layers.1.input_layernorm' },
  { mistake: 'value-turned', point: 'model.layers.0.self_attn.o_proj' },
  { mistake: 'no-final-norm', point: 'lm_head' },
];

describe('forward', () => {
  it.each(FIRST_POINTS)('finds $mistake first at $point', { tags: ['slow'] }, async ({ mistake, point }) => {
    const { state, mutant, findings } = await examined(forward, mutantOutcomes(forward, [mistake]));
    expect([state, mutant]).toEqual(['wrong', mistake]);
    expect(findings?.join('\n')).toContain(`is ${point} (`);
  });
});
