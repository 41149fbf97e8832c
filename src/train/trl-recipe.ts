// TRL's yaml for SFT and DPO, as the alignment handbook publishes it for SmolLM2 (recipes/smollm2): the keys that
// decide a number are read, those of devices, logs and uploads are known and do nothing here.

import { isPattern, wholeMatch } from './lora-targets.ts';
import type { DpoRecipe, LoraRecipe, Recipe, SftRecipe } from './recipe.ts';
import { MOST_BETA, type RecipeSection } from './recipe-section.ts';

/** Keys of HF's TrainingArguments and TRL's script arguments that do not reach a number of the model here. */
const WITHOUT_EFFECT = [
  ...[
    'model_revision',
    'torch_dtype',
    'dtype',
    'attn_implementation',
    'use_flash_attention_2',
    'bf16',
    'fp16',
  ],
  ...['tf32', 'dataset_num_proc', 'preprocessing_num_workers', 'do_eval', 'do_train', 'eval_on_start'],
  ...['evaluation_strategy', 'gradient_checkpointing', 'gradient_checkpointing_kwargs', 'hub_model_id'],
  ...[
    'hub_private_repo',
    'hub_strategy',
    'hub_model_revision',
    'push_to_hub',
    'push_to_hub_revision',
    'log_level',
  ],
  ...['logging_steps', 'logging_strategy', 'logging_first_step', 'output_dir', 'overwrite_output_dir'],
  ...['per_device_eval_batch_size', 'remove_unused_columns', 'report_to', 'dataset_kwargs'],
  ...['use_liger', 'use_liger_kernel', 'trust_remote_code', 'callbacks', 'system_prompt', 'dataset_configs'],
];

export function readTrlRecipe(root: RecipeSection): SftRecipe | DpoRecipe {
  const isDpo = ['beta', 'max_prompt_length', 'loss_type'].some((key) => root.has(key));
  const shared = { ...readRun(root), ...readRows(root), ...readSchedule(root), lora: readLora(root) };
  root.ignore(...WITHOUT_EFFECT);
  for (const key of ['optim', 'weight_decay_exclude']) root.ignore(key);
  if (!isDpo) {
    const isPacked = root.flag('packing', false);
    root.ignore(
      'packing_strategy',
      'padding_free',
      'completion_only_loss',
      'eval_packing',
      'dataset_text_field',
    );
    const assistantOnlyLoss = root.flag('assistant_only_loss', false);
    return { kind: 'sft', ...shared, assistantOnlyLoss, packing: isPacked };
  }
  root.choice('loss_type', ['sigmoid'], 'sigmoid');
  root.ignore('precompute_ref_log_probs', 'max_completion_length', 'truncation_mode');
  const maxPromptLength = root.count('max_prompt_length', { fallback: 512 });
  return { kind: 'dpo', ...shared, beta: root.number('beta', { fallback: 0.1 }), maxPromptLength };
}

type FineTune = Omit<SftRecipe, 'kind' | 'assistantOnlyLoss' | 'packing'>;

function readRun(root: RecipeSection) {
  const startFrom = root.text('model_name_or_path') ?? root.fail('model_name_or_path', 'a model', undefined);
  const name = root.text('run_name') ?? root.text('output_dir')?.split('/').filter(Boolean).at(-1);
  const strategy = root.text('eval_strategy') ?? 'steps';
  const evaluation = root.section('evaluation');
  const run = {
    name: name ?? 'fine-tune',
    seed: root.count('seed', { fallback: 42, least: 0 }),
    startFrom,
    chatTemplate: root.text('chat_template'),
    optimizer: {
      beta1: root.number('adam_beta1', { fallback: 0.9, most: MOST_BETA }),
      beta2: root.number('adam_beta2', { fallback: 0.999, most: MOST_BETA }),
      eps: root.number('adam_epsilon', { fallback: 1e-8 }),
      weightDecay: root.number('weight_decay', { fallback: 0 }),
      // HF's Trainer never decays norms and biases.
      weightDecayExclude: ['.*norm\\.weight', '.*\\.bias'],
      // 0 clips nothing, as in HF's Trainer.
      clipGrad: root.number('max_grad_norm', { fallback: 1 }) || undefined,
    },
    checkpoints: {
      interval: root.count('save_steps', { fallback: 500 }),
      saveInitial: false,
      saveFinal: true,
      keep: root.optionalCount('save_total_limit'),
    },
    evaluation: {
      folder: undefined,
      textBytes: undefined,
      interval: root.count('eval_steps', { fallback: strategy === 'steps' ? 100 : 1000 }),
      prompts: evaluation.texts('prompts'),
      sampleTokens: evaluation.count('sample_tokens', { fallback: 48 }),
    },
  } satisfies Partial<FineTune>;
  root.ignore('save_strategy');
  evaluation.end();
  return run;
}

function readRows(root: RecipeSection) {
  const splits = root.texts('dataset_splits');
  const mixer = root.section('dataset_mixer');
  const mixed = Object.keys((root.take('dataset_mixer') ?? {}) as object);
  if (mixed.length > 1) root.fail('dataset_mixer', 'one data set', mixed);
  for (const name of mixed) mixer.ignore(name);
  const dataset = root.text('dataset_name') ?? mixed[0];
  root.ignore('dataset_config');
  return {
    dataset: dataset ?? root.fail('dataset_name', 'a data set', undefined),
    trainSplit: root.text('dataset_train_split') ?? splits[0] ?? 'train',
    testSplit: root.text('dataset_test_split') ?? splits[1],
    maxLength: root.count('max_length', { fallback: root.optionalCount('max_seq_length') ?? 1024 }),
    microBatchSize: root.count('per_device_train_batch_size', { fallback: 8 }),
    microBatchesPerStep:
      root.count('gradient_accumulation_steps', { fallback: 1 }) *
      root.count('num_processes', { fallback: 1 }),
  } satisfies Partial<FineTune>;
}

function readSchedule(root: RecipeSection) {
  const maxSteps = root.number('max_steps', { fallback: -1, least: -1 });
  const styles = ['linear', 'cosine', 'constant', 'constant_with_warmup'] as const;
  const style = root.choice('lr_scheduler_type', styles, 'linear');
  return {
    learningRate: root.number('learning_rate', { fallback: 5e-5 }),
    decayStyle: style === 'constant_with_warmup' ? 'constant' : style,
    warmupRatio: style === 'constant' ? 0 : root.number('warmup_ratio', { fallback: 0, most: 1 }),
    warmupSteps: readWarmupSteps(root),
    epochs: root.number('num_train_epochs', { fallback: 3 }),
    maxSteps: maxSteps > 0 ? Math.floor(maxSteps) : undefined,
  } satisfies Partial<FineTune>;
}

/** 0 is HF's default and leaves the word to warmup_ratio. */
function readWarmupSteps(root: RecipeSection): number | undefined {
  const steps = root.count('warmup_steps', { fallback: 0, least: 0 });
  return steps > 0 ? steps : undefined;
}

/** PEFT through TRL's ModelConfig; its default rank and alpha. */
function readLora(root: RecipeSection): LoraRecipe | undefined {
  const isOn = root.flag('use_peft', false);
  const targets = readTargets(root);
  const lora: LoraRecipe = {
    rank: root.count('lora_r', { fallback: 16 }),
    alpha: root.number('lora_alpha', { fallback: 32 }),
    targetModules: targets.length > 0 ? targets : ['q_proj', 'v_proj'],
    ...(root.flag('use_rslora', false) && { isRankStabilised: true }),
  };
  if (root.number('lora_dropout', { fallback: 0, most: 1 }) > 0) {
    root.note('lora_dropout', 'nothing is dropped here; the adapter trains without');
  }
  root.ignore('lora_task_type', 'lora_modules_to_save', 'load_in_4bit', 'load_in_8bit');
  return isOn ? lora : undefined;
}

function readTargets(root: RecipeSection): string[] {
  const targets = root.texts('lora_target_modules');
  try {
    if (isPattern(targets)) wholeMatch(targets[0]);
  } catch {
    root.fail('lora_target_modules', 'names, or a regular expression of JavaScript', targets[0]);
  }
  return targets;
}

/**
 * The recipe on a machine of its own, by the keys of our `scale` section. With another number of steps the warm-up
 * keeps its share of the whole; where the recipe counts epochs, the whole is not known yet.
 */
export function scaleFineTune(recipe: SftRecipe | DpoRecipe, scale: RecipeSection): Recipe {
  const size = scale.count('micro_batch_size', { fallback: recipe.microBatchSize });
  const rows = scale.count('sequences_per_step', {
    fallback: recipe.microBatchSize * recipe.microBatchesPerStep,
  });
  if (rows % size !== 0) scale.fail('sequences_per_step', `a multiple of micro_batch_size ${size}`, rows);
  const maxSteps = scale.optionalCount('train_steps') ?? recipe.maxSteps;
  const share = maxSteps && recipe.maxSteps ? maxSteps / recipe.maxSteps : 1;
  const warmupSteps = recipe.warmupSteps && Math.round(recipe.warmupSteps * share);
  return {
    ...recipe,
    microBatchSize: size,
    microBatchesPerStep: rows / size,
    maxLength: scale.count('sequence_length', { fallback: recipe.maxLength }),
    maxSteps,
    warmupSteps: scale.optionalCount('lr_warmup_steps', 0) ?? warmupSteps,
    learningRate: scale.number('learning_rate', { fallback: recipe.learningRate }),
    checkpoints: {
      ...recipe.checkpoints,
      interval: scale.count('checkpoint_interval', { fallback: recipe.checkpoints.interval }),
    },
  };
}
