// The run of the Train room: a model of nano's shape from random weights, on this site's own pages. The same recipe and
// tokens give the same bits in Node (test/runtimes/train-room.test.mjs).

/** Share of the tokens, at the end of the text, that the model never learns from. */
const HELD_OUT = 0.05;

export const RECIPE = {
  general: { run: 'page', seed: 1 },
  data_stages: [
    {
      name: 'pages',
      start_training_step: 1,
      data: { seed: 1, dataset: { dataset_folder: ['pages'], dataset_weights: [1] } },
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
      lr_warmup_steps: 20,
      lr_decay_starting_step: 240,
      lr_decay_steps: 60,
      lr_decay_style: '1-sqrt',
      min_decay_lr: 0,
    },
  },
  tokens: { train_steps: 300, sequence_length: 128, micro_batch_size: 4, batch_accumulation_per_replica: 1 },
  evaluation: {
    dataset_folder: 'held-out',
    interval: 25,
    text_bytes: 3000,
    sample_tokens: 32,
    // No space at the end: words begin with theirs.
    prompts: ['The model', 'A test'],
  },
  scale: { order: 'fresh' },
};

/** The same run up to a step, and from there on a decay of its own: what a stable learning rate is for. */
export function decayingFrom(step: number): typeof RECIPE {
  const schedule = RECIPE.optimizer.learning_rate_scheduler;
  return {
    ...RECIPE,
    optimizer: {
      ...RECIPE.optimizer,
      learning_rate_scheduler: { ...schedule, lr_decay_starting_step: step },
    },
    tokens: { ...RECIPE.tokens, train_steps: step + schedule.lr_decay_steps },
  };
}

/** The text's tokens by the names of the recipe. */
export function splitTokens(ids: Uint16Array): { pages: Uint16Array; 'held-out': Uint16Array } {
  const end = Math.floor(ids.length * (1 - HELD_OUT));
  return { pages: ids.slice(0, end), 'held-out': ids.slice(end) };
}
