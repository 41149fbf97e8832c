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
  ...['gradient_checkpointing', 'gradient_checkpointing_kwargs', 'hub_model_id'],
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
  ...['use_liger', 'use_liger_kernel', 'trust_remote_code', 'callbacks'],
];

/** Keys that decide a number in TRL and do nothing here, unless their values are these. */
const NOT_DONE: readonly (readonly [key: string, harmless: readonly unknown[], text: string])[] = [
  ['load_in_4bit', [false], 'the model is computed in float32 here'],
  ['load_in_8bit', [false], 'the model is computed in float32 here'],
  ['lora_modules_to_save', [], 'nothing but adapters is trained here'],
  [
    'completion_only_loss',
    [false],
    'rows are conversations here; assistant_only_loss leaves the answers alone',
  ],
  ['dataset_text_field', ['text', 'messages'], 'conversations are read from messages here'],
  ['dataset_config', ['all', 'default'], 'every row of the split is read here'],
  ['dataset_configs', ['all', 'default'], 'every row of the split is read here'],
  ['system_prompt', [''], 'nothing is put before the messages here; write it into the rows'],
  ['truncation_mode', ['keep_start'], 'the end of a row is cut here'],
  ['max_completion_length', [], 'answers are cut where max_length ends here'],
];

/** When something is done: never, every so many steps, or at the end of each epoch. */
type Strategy = 'no' | 'steps' | 'epoch';

/** For what is never done every so many steps; a checkpoint's record in JSON has no Infinity. */
const NEVER = Number.MAX_SAFE_INTEGER;

export function readTrlRecipe(root: RecipeSection): SftRecipe | DpoRecipe {
  const isDpo = ['beta', 'max_prompt_length', 'loss_type'].some((key) => root.has(key));
  const evaluates = readEvaluates(root);
  const rows = readRows(root, evaluates);
  const shared = { ...readRun(root, evaluates), ...rows, ...readSchedule(root), lora: readLora(root) };
  root.ignore(...WITHOUT_EFFECT, 'weight_decay_exclude');
  noteNotDone(root);
  if (!isDpo) {
    const isPacked = root.flag('packing', false);
    root.ignore('packing_strategy', 'padding_free', 'eval_packing');
    const assistantOnlyLoss = root.flag('assistant_only_loss', false);
    return { kind: 'sft', ...shared, assistantOnlyLoss, packing: isPacked };
  }
  root.choice('loss_type', ['sigmoid'], 'sigmoid');
  root.ignore('precompute_ref_log_probs');
  const maxPromptLength = root.count('max_prompt_length', { fallback: 512 });
  return { kind: 'dpo', ...shared, beta: root.number('beta', { fallback: 0.1 }), maxPromptLength };
}

type FineTune = Omit<SftRecipe, 'kind' | 'assistantOnlyLoss' | 'packing'>;

function readRun(root: RecipeSection, evaluates: Strategy) {
  const startFrom = root.text('model_name_or_path') ?? root.fail('model_name_or_path', 'a model', undefined);
  const name = root.text('run_name') ?? root.text('output_dir')?.split('/').filter(Boolean).at(-1);
  const saves = readStrategy(root, 'save_strategy');
  const optimizer = root.text('optim') ?? 'adamw_torch';
  if (!/^(paged_)?adamw(_|$)/.test(optimizer)) root.fail('optim', 'an adamw, such as adamw_torch', optimizer);
  const evaluation = root.section('evaluation');
  const saveSteps = root.count('save_steps', { fallback: 500 });
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
      interval: saves === 'no' ? NEVER : saveSteps,
      saveInitial: false,
      saveFinal: true,
      keep: readLimit(root),
    },
    evaluation: {
      folder: undefined,
      textBytes: undefined,
      interval: root.count('eval_steps', { fallback: 100 }),
      prompts: evaluation.texts('prompts'),
      sampleTokens: evaluation.count('sample_tokens', { fallback: 48 }),
    },
    ...(saves === 'epoch' && { savesEachEpoch: true }),
    ...(evaluates === 'epoch' && { evaluatesEachEpoch: true }),
  } satisfies Partial<FineTune>;
  evaluation.end();
  return run;
}

/** HF keeps all where the limit is 0 or less. */
function readLimit(root: RecipeSection): number | undefined {
  const limit = root.number('save_total_limit', { fallback: 0, least: -1 });
  return limit > 0 ? Math.ceil(limit) : undefined;
}

/** `no` without quotes is false in yaml 1.1. Of `best`, the checkpoint that it asks for is always kept. */
function readStrategy(root: RecipeSection, key: string): Strategy {
  const value = root.take(key);
  if (value === false || (value === 'best' && key === 'save_strategy')) return 'no';
  return root.choice(key, ['no', 'steps', 'epoch'], 'steps');
}

/** Under the name of today, or that before transformers 4.41. */
function readEvaluates(root: RecipeSection): Strategy {
  const [before, now] = [readStrategy(root, 'evaluation_strategy'), readStrategy(root, 'eval_strategy')];
  return root.has('eval_strategy') ? now : before;
}

function noteNotDone(root: RecipeSection): void {
  for (const [key, harmless, text] of NOT_DONE) {
    const values = [root.take(key) ?? []].flat();
    if (values.some((value) => !harmless.includes(value))) root.note(key, text);
  }
}

function readRows(root: RecipeSection, evaluates: Strategy) {
  const splits = root.texts('dataset_splits');
  const mixer = root.section('dataset_mixer');
  const mixed = Object.keys((root.take('dataset_mixer') ?? {}) as object);
  if (mixed.length > 1) root.fail('dataset_mixer', 'one data set', mixed);
  for (const name of mixed) mixer.ignore(name);
  const dataset = root.text('dataset_name') ?? mixed[0];
  const testSplit = root.text('dataset_test_split') ?? splits[1];
  return {
    dataset: dataset ?? root.fail('dataset_name', 'a data set', undefined),
    trainSplit: root.text('dataset_train_split') ?? splits[0] ?? 'train',
    testSplit: evaluates === 'no' ? undefined : testSplit,
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
    ...readWarmup(root, style === 'constant'),
    epochs: root.number('num_train_epochs', { fallback: 3 }),
    maxSteps: maxSteps > 0 ? Math.floor(maxSteps) : undefined,
  } satisfies Partial<FineTune>;
}

/** 0 steps are HF's default and leave the word to the ratio; its `constant` reads neither. */
function readWarmup(root: RecipeSection, isConstant: boolean) {
  const warmupRatio = root.number('warmup_ratio', { fallback: 0, most: 1 });
  const warmupSteps = root.count('warmup_steps', { fallback: 0, least: 0 });
  if (!isConstant) return { warmupRatio, warmupSteps: warmupSteps > 0 ? warmupSteps : undefined };
  if (warmupRatio > 0 || warmupSteps > 0) {
    root.note('lr_scheduler_type', 'constant has no warm-up; constant_with_warmup has one');
  }
  return { warmupRatio: 0, warmupSteps: undefined };
}

/** PEFT through TRL's ModelConfig; its default rank and alpha. */
function readLora(root: RecipeSection): LoraRecipe | undefined {
  const isOn = root.flag('use_peft', false);
  const targets = readTargets(root);
  const lora: LoraRecipe = {
    rank: root.count('lora_r', { fallback: 16 }),
    alpha: root.number('lora_alpha', { fallback: 32, least: 1e-9 }),
    targetModules: targets.length > 0 ? targets : ['q_proj', 'v_proj'],
    ...(root.flag('use_rslora', false) && { isRankStabilised: true }),
  };
  if (root.number('lora_dropout', { fallback: 0, most: 1 }) > 0) {
    root.note('lora_dropout', 'nothing is dropped here; the adapter trains without');
  }
  root.ignore('lora_task_type');
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
  const checkpointInterval = scale.optionalCount('checkpoint_interval');
  return {
    ...recipe,
    ...(checkpointInterval && { savesEachEpoch: undefined }),
    microBatchSize: size,
    microBatchesPerStep: rows / size,
    maxLength: scale.count('sequence_length', { fallback: recipe.maxLength }),
    maxSteps,
    warmupSteps: scale.optionalCount('lr_warmup_steps', 0) ?? warmupSteps,
    learningRate: scale.number('learning_rate', { fallback: recipe.learningRate }),
    checkpoints: {
      ...recipe.checkpoints,
      interval: checkpointInterval ?? recipe.checkpoints.interval,
    },
  };
}
