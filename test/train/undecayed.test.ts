// What weight decay leaves alone: names as each kind of recipe writes them, and the step itself.

import { describe, expect, it } from 'vitest';
import type { Recipe } from '../../src/train/recipe.ts';
import { undecayedNames } from '../../src/train/undecayed.ts';
import { tinyLearner, wasmTraining } from '../support/training.ts';

/** The undecayed of a tiny model under patterns, and the notes. */
async function undecayed(model: string, kind: Recipe['kind'], ...patterns: string[]) {
  const { config, parameters } = await tinyLearner(model);
  const recipe = { kind, optimizer: { weightDecayExclude: patterns } } as unknown as Recipe;
  const notes: string[] = [];
  const names = undecayedNames(recipe, config, [...parameters.keys()], (text) => notes.push(text));
  return { names, notes };
}

describe('undecayedNames', () => {
  it.each([
    ['.*token_embedding.*', ['model.embed_tokens.weight']],
    ['model\\.lm_head', ['model.embed_tokens.weight']],
    [
      'model\\.decoder\\.1\\.pp_block\\.attn\\.qkv_proj\\.weight$',
      ['q', 'k', 'v'].map((part) => `model.layers.1.self_attn.${part}_proj.weight`),
    ],
    ['model.norm', ['model.norm.weight']],
  ])('finds what nanotron calls %s', async (pattern, names) => {
    expect(await undecayed('gqa', 'pretrain', pattern)).toEqual({ names, notes: [] });
  });

  it('finds the head where it is not the embedding', async () => {
    const { names } = await undecayed('untied', 'pretrain', '.*lm_head');
    expect(names).toEqual(['lm_head.weight']);
  });

  it('matches from the beginning of a name, and says which pattern is the name of nothing', async () => {
    const { names, notes } = await undecayed('gqa', 'pretrain', 'token_embedding', '.*final_layer_norm');
    expect(names).toEqual(['model.norm.weight']);
    expect(notes).toEqual(['weight_decay_exclude_named_params: token_embedding is the name of no parameter']);
  });

  it('takes HF’s names in a recipe of TRL', async () => {
    const { names, notes } = await undecayed('qwen2', 'sft', '.*norm\\.weight', '.*\\.bias');
    expect(names.filter((name) => !/norm\.weight$|\.bias$/.test(name))).toEqual([]);
    expect(names).toContain('model.layers.0.self_attn.q_proj.bias');
    expect(names).toContain('model.layers.1.post_attention_layernorm.weight');
    expect(notes).toEqual([]);
  });
});

describe.each(['reference', 'wasm'])('a step of %s', (engine) => {
  it('shrinks every parameter but those', async () => {
    const learner = await tinyLearner('gqa', {}, engine === 'wasm' ? wasmTraining() : undefined);
    const kept = 'model.layers.0.mlp.up_proj.weight';
    const read = () => learner.trained.map(({ parameter }) => learner.engine.read(parameter.values));
    const before = read();
    const numbers = { learningRate: 1, beta1: 0.9, beta2: 0.95, eps: 1e-8, maxNorm: 1 };
    // The gradients are nothing yet, so that decay is all that moves a weight: by 1 - 1 · 0.5, which rounds nothing.
    learner.update({ ...numbers, weightDecay: 0.5, update: 1, undecayed: [kept] }, 1);
    for (const [i, after] of read().entries()) {
      const share = learner.trained[i].parameter.name === kept ? 1 : 0.5;
      expect(Array.from(after)).toEqual(Array.from(before[i], (value) => value * share));
    }
  });
});
