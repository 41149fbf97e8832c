// A run of twenty steps on made-up tokens, in a folder of its own: small enough to be run whole in a test.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../../src/base/rng.ts';
import { encodeTokens } from '../../src/train/token-shard.ts';

/** Ids that follow one another by a rule with some chance in it, so that there is something to learn. */
export function tinyTokens(count: number, seed: number): number[] {
  const rng = Rng.fromSeed(seed);
  let id = 1;
  return Array.from({ length: count }, () => (id = ((id * 7 + 1 + Math.floor(rng.next() * 3)) % 90) + 3));
}

export const TINY_RECIPE = {
  checkpoints: { checkpoint_interval: 5 },
  general: { run: 'tiny', seed: 3 },
  data_stages: [
    {
      name: 'stable',
      start_training_step: 1,
      data: { seed: 5, dataset: { dataset_folder: ['train'], dataset_weights: [1] } },
    },
  ],
  model: {
    init_method: { std: 0.1 },
    model_config: {
      vocab_size: 96,
      hidden_size: 32,
      intermediate_size: 72,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: 128,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: true,
      bos_token_id: 1,
      eos_token_id: 2,
    },
  },
  optimizer: {
    weight_decay: 0.01,
    clip_grad: 1,
    optimizer_factory: { name: 'adamW', adam_beta1: 0.9, adam_beta2: 0.95, adam_eps: 1e-8 },
    learning_rate_scheduler: {
      learning_rate: 0.01,
      lr_warmup_steps: 4,
      lr_decay_style: '1-sqrt',
      lr_decay_starting_step: 15,
      lr_decay_steps: 5,
      min_decay_lr: 0,
    },
  },
  tokens: {
    train_steps: 20,
    sequence_length: 64,
    micro_batch_size: 2,
    batch_accumulation_per_replica: 2,
  },
  evaluation: { dataset_folder: 'held-out', interval: 10, text_bytes: 9000 },
  scale: { order: 'fresh' },
};

/** Writes recipe and shards; JSON is yaml too. */
export function tinyRun(change: (recipe: typeof TINY_RECIPE) => void = () => {}): {
  recipe: string;
  out: (name: string) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-run-'));
  for (const [name, count, seed] of [
    ['train', 40_000, 1],
    ['held-out', 3000, 2],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.ds'), encodeTokens(tinyTokens(count, seed), 2));
  }
  const copy = structuredClone(TINY_RECIPE);
  change(copy);
  const recipe = join(folder, 'recipe.yaml');
  writeFileSync(recipe, JSON.stringify(copy));
  return { recipe, out: (name) => join(folder, name) };
}
