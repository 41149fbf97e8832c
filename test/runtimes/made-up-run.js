// Twenty steps of a model of nano's shape on made-up tokens: the same run in every runtime. Plain arithmetic on whole
// numbers, so the tokens are the same everywhere.

/** Ids that follow one another by a rule with some chance in it, so that there is something to learn. */
export function madeUpTokens(count, seed) {
  const ids = new Uint16Array(count);
  let state = seed;
  let id = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    id = ((id * 7 + 1 + (state >>> 30)) % 2000) + 3;
    ids[i] = id;
  }
  return ids;
}

/** By the names that RECIPE gives them. */
export const TOKENS = { 'made-up': madeUpTokens(40_000, 1), 'held-out': madeUpTokens(1500, 2) };

export const RECIPE = {
  general: { run: 'made-up', seed: 1 },
  data_stages: [
    {
      name: 'stable',
      start_training_step: 1,
      data: { seed: 1, dataset: { dataset_folder: ['made-up'], dataset_weights: [1] } },
    },
  ],
  checkpoints: { checkpoint_interval: 1000 },
  model: {
    init_method: { std: 0.08838834764831845 },
    model_config: {
      bos_token_id: 0,
      eos_token_id: 0,
      hidden_size: 128,
      intermediate_size: 384,
      max_position_embeddings: 512,
      num_attention_heads: 4,
      num_hidden_layers: 4,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      tie_word_embeddings: true,
      vocab_size: 2048,
    },
  },
  optimizer: {
    clip_grad: 1,
    weight_decay: 0.1,
    optimizer_factory: { name: 'adamW', adam_beta1: 0.9, adam_beta2: 0.95, adam_eps: 1e-8 },
    learning_rate_scheduler: {
      learning_rate: 0.006,
      lr_warmup_steps: 4,
      lr_decay_starting_step: 15,
      lr_decay_steps: 5,
      lr_decay_style: '1-sqrt',
      min_decay_lr: 0,
    },
  },
  tokens: { train_steps: 20, sequence_length: 256, micro_batch_size: 4, batch_accumulation_per_replica: 1 },
  evaluation: { dataset_folder: 'held-out', interval: 10, text_bytes: 4000 },
  scale: { order: 'fresh' },
};
