import { describe, expect, it } from 'vitest';
import { readRecipe } from '../../src/train/read-recipe.ts';
import { fineTuneSchedule, type PretrainRecipe, type SftRecipe, stageAt } from '../../src/train/recipe.ts';

const MODEL = {
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: 'silu',
  hidden_size: 32,
  intermediate_size: 72,
  max_position_embeddings: 128,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  vocab_size: 96,
  is_llama_config: true,
};

function nanotron(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    general: { project: 'test', run: 'tiny', seed: 5 },
    model: { dtype: 'float32', init_method: { std: 0.02 }, model_config: MODEL },
    tokens: {
      sequence_length: 32,
      train_steps: 1000,
      micro_batch_size: 2,
      batch_accumulation_per_replica: 3,
    },
    parallelism: { dp: 4, tp: 1, pp: 1 },
    optimizer: {
      clip_grad: 1,
      weight_decay: 0.01,
      optimizer_factory: { name: 'adamW', adam_beta1: 0.9, adam_beta2: 0.95, adam_eps: '1e-8' },
      learning_rate_scheduler: {
        learning_rate: 3e-3,
        lr_warmup_steps: 20,
        lr_decay_starting_step: 800,
        lr_decay_steps: 200,
        min_decay_lr: 0,
      },
    },
    data_stages: [
      { name: 'decay', start_training_step: 801, data: { dataset: { dataset_folder: 'b' }, seed: 8 } },
      {
        name: 'stable',
        start_training_step: 1,
        data: { dataset: { dataset_folder: ['a', 'b'], dataset_weights: [0.7, 0.3] }, seed: 8 },
      },
    ],
    ...changes,
  };
}

function read(value: unknown) {
  const { recipe, notices } = readRecipe(value, 'r.yaml');
  return { recipe: recipe as PretrainRecipe, notices };
}

describe("nanotron's recipe", () => {
  it('is read whole, without a notice', () => {
    const { recipe, notices } = read(nanotron());
    expect(notices).toEqual([]);
    expect(recipe).toMatchObject({
      kind: 'pretrain',
      name: 'tiny',
      seed: 5,
      initStd: 0.02,
      microBatchSize: 2,
      microBatchesPerStep: 12,
      optimizer: { eps: 1e-8, clipGrad: 1 },
      schedule: { decayStart: 800, decaySteps: 200, minLearningRate: 0, warmupStyle: 'linear' },
    });
    expect(recipe.model).toMatchObject({ hiddenSize: 32, headDim: 8, eosIds: [2] });
    expect(recipe.stages.map(({ name }) => name)).toEqual(['stable', 'decay']);
    expect(recipe.stages[0].mixture).toEqual([
      { folder: 'a', weight: 0.7 },
      { folder: 'b', weight: 0.3 },
    ]);
    expect([1, 800, 801].map((step) => stageAt(recipe.stages, step))).toEqual([0, 0, 1]);
  });

  it('null means what it means there', () => {
    const scheduler = { learning_rate: 1e-3, lr_warmup_steps: 20, min_decay_lr: null, lr_decay_steps: null };
    const { recipe, notices } = read(nanotron({ optimizer: { learning_rate_scheduler: scheduler } }));
    expect(recipe.schedule).toMatchObject({ decayStart: 20, decaySteps: 980, minLearningRate: 1e-3 });
    expect(recipe.optimizer.clipGrad).toBeUndefined();
    expect(notices).toEqual(['optimizer.learning_rate_scheduler.min_decay_lr: null means no decay at all']);
  });

  it('makes a model of the windows that it is trained on, as nanotron does, and says so', () => {
    const tokens = {
      sequence_length: MODEL.max_position_embeddings + 1,
      train_steps: 9,
      micro_batch_size: 1,
    };
    const { recipe, notices } = read(nanotron({ tokens }));
    expect(recipe.model.maxSeqLen).toBe(tokens.sequence_length);
    expect(notices).toEqual([
      `max_position_embeddings: ${MODEL.max_position_embeddings} is less than sequence_length; set to ${tokens.sequence_length}`,
    ]);
    expect(read(nanotron({ tokens, scale: { sequence_length: 8 } })).notices).toEqual([]);
  });

  it('begins with the weights of a checkpoint, by either key, and says what does not go on', () => {
    const begun = read(nanotron({ checkpoints: { resume_checkpoint_path: 'ck', load_optimizer: true } }));
    expect(begun.recipe.startFrom).toBe('ck');
    expect(begun.notices).toEqual([
      expect.stringMatching(/^checkpoints.resume_checkpoint_path: its weights are/),
    ]);
    const model = { dtype: 'float32', init_method: { path: 'ck' }, model_config: MODEL };
    expect(read(nanotron({ model })).recipe.startFrom).toBe('ck');
  });

  it('has the size of an id for each part where the recipe says it', () => {
    const dataset = { dataset_folder: ['a', 'b'], token_size_in_bytes: 4 };
    const { stages } = read(
      nanotron({ data_stages: [{ start_training_step: 1, data: { dataset } }] }),
    ).recipe;
    expect(stages[0].mixture.map(({ tokenBytes }) => tokenBytes)).toEqual([4, 4]);
  });

  it('remarks on a decay within the warm-up, as scale leaves it', () => {
    expect(read(nanotron({ scale: { lr_warmup_steps: 900 } })).notices).toEqual([
      'lr_decay_starting_step: 800 lies within the warm-up of 900 steps',
    ]);
    const scheduler = { learning_rate: 1, lr_warmup_steps: 20, lr_decay_starting_step: 5, min_decay_lr: 0 };
    expect(read(nanotron({ optimizer: { learning_rate_scheduler: scheduler } })).notices).toEqual([
      'lr_decay_starting_step: 5 lies within the warm-up of 20 steps',
    ]);
  });

  it('names unknown keys, and the known one that may be meant', () => {
    const tokens = { sequence_length: 32, train_step: 5, train_steps: 9, micro_batch_size: 1, color: 'red' };
    expect(read(nanotron({ tokens, lighteval: { tasks: 'x' }, extra: 1 })).notices).toEqual([
      'tokens.train_step: unknown key, without effect; did you mean train_steps?',
      'tokens.color: unknown key, without effect',
      'lighteval: accepted, without effect here',
      'extra: unknown key, without effect',
    ]);
  });

  it.each([
    [{ tokens: { sequence_length: 0 } }, 'tokens.train_steps: expected a number, at least 1, got nothing'],
    [{ tokens: [1] }, 'tokens: expected a mapping of keys, got [1]'],
    [{ model: {} }, 'model.model_config: expected the sizes of a model, got nothing'],
    [{ data_stages: [] }, 'data_stages: expected a stage that starts at step 1'],
    [
      { model: { init_method: { scaling_method: 'NONE' }, model_config: MODEL } },
      'model.init_method.scaling_method: expected NUM_LAYERS, got "NONE"',
    ],
    [
      { model: { model_config: { ...MODEL, eos_token_id: undefined, _use_doc_masking: true } } },
      'model.model_config.eos_token_id: expected the id behind each document, which _use_doc_masking goes by',
    ],
    [{ general: { seed: 2 ** 32 } }, 'general.seed: expected a number, 0 to 4294967295, got 4294967296'],
    [
      { optimizer: { learning_rate_scheduler: { learning_rate: 1e-3, min_decay_lr: 1 } } },
      'optimizer.learning_rate_scheduler.min_decay_lr: expected at most learning_rate, 0.001, got 1',
    ],
    [
      {
        data_stages: [
          { start_training_step: 1, data: { dataset: { dataset_folder: 'a', token_size_in_bytes: 3 } } },
        ],
      },
      'data_stages[0].data.dataset.token_size_in_bytes: expected 2 or 4, got 3',
    ],
    [{ parallelism: { dp: 1.5 } }, 'parallelism.dp: expected a whole number of at least 1, got 1.5'],
    [
      { optimizer: { optimizer_factory: { name: 'sgd' } } },
      'optimizer.optimizer_factory.name: expected adamW, got "sgd"',
    ],
    [
      {
        data_stages: [
          { start_training_step: 1, data: { dataset: { dataset_folder: ['a'], dataset_weights: [-1] } } },
        ],
      },
      'data_stages[0].data.dataset.dataset_weights: expected 1 numbers, one for each folder, got [-1]',
    ],
  ])('refuses %j', (changes, message) => {
    expect(() => read(nanotron(changes))).toThrow(`r.yaml, ${message}`);
  });

  it('refuses patterns and decays that no step could use', () => {
    const optimizer = (changes: object, factory: object = {}) => {
      const { optimizer: whole } = nanotron() as { optimizer: { optimizer_factory: object } };
      const optimizer_factory = { ...whole.optimizer_factory, ...factory };
      return () => readRecipe(nanotron({ optimizer: { ...whole, ...changes, optimizer_factory } }), 'r.yaml');
    };
    expect(optimizer({ weight_decay_exclude_named_params: ['('] })).toThrow(
      /optimizer.weight_decay_exclude_named_params: expected regular expressions of JavaScript, got "\("/,
    );
    expect(optimizer({}, { adam_beta1: 1 })).toThrow(/adam_beta1: expected a number, 0 to 0.9/);
    expect(optimizer({ weight_decay: Number.NaN })).toThrow(
      /weight_decay: expected a number, at least 0, got NaN/,
    );
  });

  it('moves a decay that begins where the warm-up ends with another warm-up', () => {
    const scheduler = {
      learning_rate: 1e-3,
      lr_warmup_steps: 100,
      lr_decay_style: 'cosine',
      min_decay_lr: 0,
    };
    const optimizer = { learning_rate_scheduler: scheduler };
    for (const lr_warmup_steps of [10, 300]) {
      const { schedule } = read(nanotron({ optimizer, scale: { lr_warmup_steps } })).recipe;
      expect(schedule).toMatchObject({
        warmupSteps: lr_warmup_steps,
        decayStart: lr_warmup_steps,
        decaySteps: 1000 - lr_warmup_steps,
      });
    }
  });

  it('shrinks to a small machine: counts of steps keep their shares', () => {
    const scale = { train_steps: 100, sequences_per_step: 8, micro_batch_size: 4, order: 'fresh' };
    const { recipe, notices } = read(nanotron({ scale }));
    expect(notices).toEqual([]);
    expect(recipe).toMatchObject({
      trainSteps: 100,
      microBatchSize: 4,
      microBatchesPerStep: 2,
      order: 'fresh',
    });
    expect(recipe.schedule).toMatchObject({
      warmupSteps: 2,
      decayStart: 80,
      decaySteps: 20,
      learningRate: 3e-3,
    });
    expect(recipe.stages.map(({ startStep }) => startStep)).toEqual([1, 81]);
    expect(() => read(nanotron({ scale: { sequences_per_step: 7, micro_batch_size: 2 } }))).toThrow(
      'scale.sequences_per_step: expected a multiple of micro_batch_size 2, got 7',
    );
  });
});

describe("TRL's recipe", () => {
  const sft = {
    model_name_or_path: 'HuggingFaceTB/SmolLM2-135M',
    dataset_name: 'HuggingFaceTB/smol-smoltalk',
    learning_rate: 1e-3,
    lr_scheduler_type: 'cosine',
    max_length: 8192,
    num_train_epochs: 2,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 4,
    warmup_ratio: 0.1,
    bf16: true,
  };

  it('of SFT', () => {
    const { recipe, notices } = readRecipe(sft, 'sft.yaml');
    expect(notices).toEqual([]);
    expect(recipe).toMatchObject({
      kind: 'sft',
      startFrom: 'HuggingFaceTB/SmolLM2-135M',
      optimizer: { beta2: 0.999, weightDecay: 0, clipGrad: 1 },
      packing: false,
      maxLength: 8192,
      microBatchSize: 4,
      microBatchesPerStep: 4,
      lora: undefined,
    });
    expect(fineTuneSchedule(recipe as SftRecipe, 105)).toMatchObject({
      warmupSteps: 11,
      decayStart: 11,
      decaySteps: 94,
      decayStyle: 'cosine',
      minLearningRate: 0,
    });
  });

  it('takes an AdamW of another arithmetic, and null for a strategy', () => {
    const keys = { optim: 'paged_adamw_32bit', eval_strategy: null };
    expect(readRecipe({ ...sft, ...keys }, 'sft.yaml').notices).toEqual(readRecipe(sft, 'sft.yaml').notices);
  });

  it('refuses an adapter that would be multiplied by nothing', () => {
    const lora = { ...sft, use_peft: true, lora_alpha: 0 };
    expect(() => readRecipe(lora, 'sft.yaml')).toThrow(/lora_alpha: expected a number, at least 1e-9, got 0/);
  });

  it('clips nothing at a max_grad_norm of 0', () => {
    const { recipe } = readRecipe({ ...sft, max_grad_norm: 0 }, 'sft.yaml');
    expect(recipe.optimizer.clipGrad).toBeUndefined();
  });

  it('shrinks to a small machine: the warm-up keeps its share, or is as long as scale says', () => {
    const warmup = (more: object, scale: object) => {
      const { recipe, notices } = readRecipe({ ...sft, warmup_steps: 100, ...more, scale }, 'sft.yaml');
      expect(notices).toEqual([]);
      const tuning = recipe as SftRecipe;
      return fineTuneSchedule(tuning, tuning.maxSteps ?? 50).warmupSteps;
    };
    expect(warmup({ max_steps: 1000 }, { train_steps: 50 })).toBe(5);
    expect(warmup({ max_steps: 1000 }, { train_steps: 50, lr_warmup_steps: 1 })).toBe(1);
    expect(warmup({ max_steps: 1000 }, { train_steps: 50, lr_warmup_steps: 0 })).toBe(0);
    expect(warmup({}, { train_steps: 200 })).toBe(100);
  });

  it('saves and evaluates never, every so many steps, or each epoch', () => {
    const read = (more: object) => {
      const { recipe, notices } = readRecipe({ ...sft, dataset_test_split: 'test', ...more }, 'sft.yaml');
      expect(notices).toEqual([]);
      return recipe as SftRecipe;
    };
    expect(read({ save_strategy: 'steps', save_steps: 7 }).checkpoints.interval).toBe(7);
    for (const save_strategy of ['no', false, 'best']) {
      expect(read({ save_strategy, save_steps: 7 }).checkpoints.interval).toBe(Number.MAX_SAFE_INTEGER);
    }
    const each = { savesEachEpoch: true, evaluatesEachEpoch: true };
    expect(read({ save_strategy: 'epoch', evaluation_strategy: 'epoch' })).toMatchObject(each);
    expect(
      read({ save_strategy: 'epoch', scale: { checkpoint_interval: 3 } }).savesEachEpoch,
    ).toBeUndefined();
    expect(read({ eval_strategy: 'steps', evaluation_strategy: 'no' }).testSplit).toBe('test');
    for (const key of ['eval_strategy', 'evaluation_strategy']) {
      expect(read({ [key]: 'no' }).testSplit).toBeUndefined();
      expect(() => read({ [key]: 'never' })).toThrow(`sft.yaml, ${key}: expected no or steps or epoch`);
    }
  });

  it('has no warm-up where the learning rate is constant, as HF has it, and says so', () => {
    const read = (lr_scheduler_type: string) =>
      readRecipe({ ...sft, warmup_ratio: 0, warmup_steps: 4, lr_scheduler_type }, 'sft.yaml');
    const { recipe, notices } = read('constant');
    expect(fineTuneSchedule(recipe as SftRecipe, 20).warmupSteps).toBe(0);
    expect(notices).toEqual(['lr_scheduler_type: constant has no warm-up; constant_with_warmup has one']);
    const warm = read('constant_with_warmup');
    expect(fineTuneSchedule(warm.recipe as SftRecipe, 20).warmupSteps).toBe(4);
    expect(warm.notices).toEqual([]);
  });

  it('has AdamW and no other optimizer', () => {
    expect(readRecipe({ ...sft, optim: 'adamw_torch_fused' }, 'sft.yaml').notices).toEqual([]);
    expect(() => readRecipe({ ...sft, optim: 'sgd' }, 'sft.yaml')).toThrow(
      'sft.yaml, optim: expected an adamw, such as adamw_torch, got "sgd"',
    );
  });

  it.each<[object, object]>([
    [{ load_in_4bit: false }, { load_in_4bit: true }],
    [{ load_in_8bit: false }, { load_in_8bit: true }],
    [{ lora_modules_to_save: [] }, { lora_modules_to_save: ['lm_head'] }],
    [{ completion_only_loss: false }, { completion_only_loss: true }],
    [{ dataset_text_field: 'text' }, { dataset_text_field: 'story' }],
    [{ dataset_config: 'all' }, { dataset_config: 'everyday' }],
    [{ dataset_configs: ['all'] }, { dataset_configs: ['all', 'everyday'] }],
    [{ system_prompt: '' }, { system_prompt: 'You are an owl.' }],
    [
      { beta: 1, truncation_mode: 'keep_start' },
      { beta: 1, truncation_mode: 'keep_end' },
    ],
    [
      { beta: 1, max_completion_length: null },
      { beta: 1, max_completion_length: 3 },
    ],
  ])('says nothing of %j, and that nothing is done of %j', (harmless, other) => {
    expect(readRecipe({ ...sft, ...harmless }, 'r.yaml').notices).toEqual([]);
    const { notices } = readRecipe({ ...sft, ...other }, 'r.yaml');
    expect(notices).toEqual([expect.stringMatching(`^${Object.keys(other).at(-1)}: .* here`)]);
  });

  it('keeps as many checkpoints as save_total_limit says', () => {
    const kept = (more: object) => readRecipe({ ...sft, ...more }, 'sft.yaml').recipe.checkpoints.keep;
    const limits = [undefined, 2, 0, -1].map((save_total_limit) => kept({ save_total_limit }));
    expect(limits).toEqual([undefined, 2, undefined, undefined]);
  });

  it('of DPO, with a mixer of one data set', () => {
    const { dataset_name, ...rest } = sft;
    const dpo = { ...rest, beta: 0.5, dataset_mixer: { [dataset_name]: 1 }, dataset_splits: ['a', 'b'] };
    const { recipe, notices } = readRecipe(dpo, 'dpo.yaml');
    expect(notices).toEqual([]);
    expect(recipe).toMatchObject({
      kind: 'dpo',
      beta: 0.5,
      trainSplit: 'a',
      testSplit: 'b',
      maxPromptLength: 512,
    });
  });

  it('with an adapter, and what an adapter here has not', () => {
    const { recipe, notices } = readRecipe(
      { ...sft, use_peft: true, lora_r: 8, lora_dropout: 0.05 },
      'l.yaml',
    );
    expect(recipe).toMatchObject({ lora: { rank: 8, alpha: 32, targetModules: ['q_proj', 'v_proj'] } });
    expect(notices).toEqual(['lora_dropout: nothing is dropped here; the adapter trains without']);
  });
});
