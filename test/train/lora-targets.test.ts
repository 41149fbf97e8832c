// lora_target_modules as PEFT reads it, from the recipe to adapter_config.json.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adapterShape } from '../../src/train/lora-targets.ts';
import { readRecipe } from '../../src/train/read-recipe.ts';
import type { SftRecipe } from '../../src/train/recipe.ts';
import { tinyCheckpoint } from '../support/tiny-models.ts';
import { tuningFolder } from '../support/tuning.ts';

const { config } = await tinyCheckpoint('gqa');
const { tune } = tuningFolder();

/** Ends of the modules that are adapted, of each layer. */
function targets(lora_target_modules: unknown): string[] {
  const keys = { model_name_or_path: 'm', dataset_name: 'd', use_peft: true, lora_target_modules };
  const { lora } = readRecipe(keys, 'l.yaml').recipe as SftRecipe;
  const shape = adapterShape(lora!, config, { file: 'l.yaml', field: 'lora_target_modules' });
  return shape.targets.map((name) => name.replace('model.layers.', ''));
}

describe('lora_target_modules', () => {
  it.each<[unknown, string[]]>([
    [
      ['q_proj', 'v_proj'],
      ['self_attn.q_proj', 'self_attn.v_proj'],
    ],
    ['q_proj', ['self_attn.q_proj']],
    [['mlp.up_proj'], ['mlp.up_proj']],
    ['.*\\.(q|down)_proj', ['self_attn.q_proj', 'mlp.down_proj']],
    [['.*\\.(q|down)_proj'], ['self_attn.q_proj', 'mlp.down_proj']],
  ])('%j is these, in every layer', (asked, parts) => {
    expect(targets(asked)).toEqual([0, 1].flatMap((l) => parts.map((part) => `${l}.${part}`)));
  });

  it('may name one layer', () => {
    expect(targets('model\\.layers\\.1\\..*k_proj')).toEqual(['1.self_attn.k_proj']);
    expect(targets(['layers.1.self_attn.k_proj', 'o_proj'])).toHaveLength(3);
  });

  it('all-linear is the seven projections of every layer', () => {
    expect(targets('all-linear')).toHaveLength(14);
    expect(targets(['all-linear'])).toEqual(targets('all-linear'));
  });

  it.each<[unknown, string]>([
    ['wq', '"wq"'],
    [['q_proj', 'embed_tokens'], '"embed_tokens"'],
    [['lm_head'], '"lm_head"'],
    [['q_proj', '.*v_proj'], '".*v_proj"'],
    ['q_pro.?', '"q_pro.?"'],
    ['.*', '".*"'],
  ])('%j is refused by name', (asked, got) => {
    expect(() => targets(asked)).toThrow(
      'l.yaml, lora_target_modules: expected matrices of layers ' +
        `(q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj), got ${got}`,
    );
  });

  it('that is no pattern is refused as the recipe is read', () => {
    expect(() => targets('(q_proj')).toThrow(
      'l.yaml, lora_target_modules: expected names, or a regular expression of JavaScript, got "(q_proj"',
    );
  });

  it('is refused before the first step, and written as PEFT loads it', async () => {
    const lora = { use_peft: true, lora_r: 2, max_steps: 1 };
    await expect(tune('typo', { ...lora, lora_target_modules: ['wq'] })).rejects.toThrow(/got "wq"/);
    const { out, lines } = await tune('regex', { ...lora, lora_target_modules: '.*\\.[vq]_proj' });
    expect(lines[0].grad_norm).toBeGreaterThan(0);
    const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'));
    expect(config.target_modules).toEqual(['q_proj', 'v_proj']);
  });
});
