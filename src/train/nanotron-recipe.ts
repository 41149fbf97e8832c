// nanotron's yaml, as SmolLM2 was trained from it (huggingface/nanotron, src/nanotron/config/config.py; defaults
// and the meaning of null from there), with two sections of ours: `scale` shrinks a recipe to a small machine,
// `evaluation` says what is measured on the way.

import { FormatError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import { configFromHf } from '../format/hf-config.ts';
import type {
  EvaluationRecipe,
  MixturePart,
  OptimizerRecipe,
  PretrainRecipe,
  ScheduleRecipe,
  StageRecipe,
} from './recipe.ts';
import { MOST_BETA, type RecipeSection } from './recipe-section.ts';
import type { TokenBytes } from './token-shard.ts';
import { namePattern } from './undecayed.ts';

/** nanotron's DEFAULT_SEED. */
const DEFAULT_SEED = 42;
/** Iterations between evaluations where a recipe does not say. */
const EVALUATION_INTERVAL = 100;

/** @throws FormatError that names the key, for values that no run could use */
export function readNanotronRecipe(root: RecipeSection, file: string): PretrainRecipe {
  const general = root.section('general');
  const seed = general.seed(DEFAULT_SEED);
  const name = general.text('run') ?? general.text('project') ?? 'run';
  general.ignore('project', 'step', 'consumed_train_samples', 'benchmark_csv_path', 'ignore_sanity_checks');
  general.end();
  const tokens = root.section('tokens');
  const trainSteps = tokens.count('train_steps');
  const optimizer = root.section('optimizer');
  const checkpoints = root.section('checkpoints');
  const tokenizer = root.section('tokenizer');
  const model = readModel(root.section('model'), file);
  const recipe: PretrainRecipe = {
    kind: 'pretrain',
    name,
    seed,
    ...model,
    optimizer: readOptimizer(optimizer),
    schedule: readSchedule(optimizer.section('learning_rate_scheduler'), trainSteps),
    sequenceLength: tokens.count('sequence_length'),
    microBatchSize: tokens.count('micro_batch_size'),
    microBatchesPerStep: tokens.count('batch_accumulation_per_replica', { fallback: 1 }) * readReplicas(root),
    trainSteps,
    stages: readStages(root, file),
    order: 'nanotron',
    tokenizer: tokenizer.text('tokenizer_name_or_path'),
    startFrom: checkpoints.text('resume_checkpoint_path') ?? model.startFrom,
    checkpoints: {
      interval: checkpoints.count('checkpoint_interval', { fallback: 1000 }),
      saveInitial: checkpoints.flag('save_initial_state', false),
      saveFinal: true,
    },
    evaluation: readEvaluation(root.section('evaluation'), tokens),
  };
  tokens.ignore('limit_test_batches', 'limit_val_batches');
  checkpoints.ignore('checkpoints_path', 'checkpoints_path_is_shared_file_system', 'save_final_state');
  checkpoints.ignore('load_lr_scheduler', 'load_optimizer');
  if (checkpoints.has('resume_checkpoint_path')) {
    checkpoints.note(
      'resume_checkpoint_path',
      'its weights are the first ones here; steps, moments and data begin anew (--resume goes on with a run)',
    );
  }
  tokenizer.ignore('tokenizer_max_length', 'tokenizer_revision');
  for (const section of [tokens, optimizer, checkpoints, tokenizer]) section.end();
  root.ignore('logging', 'profiler');
  for (const key of ['lighteval', 's3_upload', 'metrics_logging']) {
    if (root.has(key)) root.note(key, 'accepted, without effect here');
    root.ignore(key);
  }
  return recipe;
}

function readModel(
  model: RecipeSection,
  file: string,
): Pick<PretrainRecipe, 'model' | 'startFrom' | 'initStd' | 'ropeInterleaved' | 'documentMasking'> {
  const init = model.section('init_method');
  const config = model.section('model_config');
  const json = model.take('model_config') as Record<string, unknown>;
  if (json === undefined) model.fail('model_config', 'the sizes of a model', undefined);
  const hasBias = config.flag('attention_bias', false);
  const sizes = configFromHf(
    { ...json, model_type: hasBias ? 'qwen2' : 'llama', attention_bias: false },
    file,
  );
  config.ignore('bos_token_id', 'eos_token_id', 'hidden_act', 'hidden_size', 'intermediate_size', 'head_dim');
  config.ignore('max_position_embeddings', 'num_attention_heads', 'num_hidden_layers', 'num_key_value_heads');
  config.ignore('rms_norm_eps', 'rope_scaling', 'rope_theta', 'tie_word_embeddings', 'vocab_size');
  config.ignore('is_llama_config', 'is_qwen2_config', 'pad_token_id', 'pretraining_tp', 'use_cache');
  config.ignore('initializer_range', 'z_loss_enabled', 'z_loss_coefficient', '_attn_implementation');
  if (config.take('z_loss_enabled') === true) config.note('z_loss_enabled', 'not computed here');
  const read = {
    model: padVocabulary(sizes, model.count('make_vocab_size_divisible_by', { fallback: 1 })),
    startFrom: init.text('path'),
    initStd: init.number('std', { fallback: config.number('initializer_range', { fallback: 0.02 }) }),
    ropeInterleaved: config.flag('rope_interleaved', false),
    documentMasking: config.flag('_use_doc_masking', false),
  };
  if (read.documentMasking && sizes.eosIds.length === 0) {
    config.fail('eos_token_id', 'the id behind each document, which _use_doc_masking goes by', undefined);
  }
  init.choice('scaling_method', ['NUM_LAYERS'], 'NUM_LAYERS');
  model.ignore('ddp_bucket_cap_mb');
  const dtype = model.text('dtype') ?? 'bfloat16';
  if (dtype !== 'float32') model.note('dtype', `${dtype}: computed in float32 here`);
  for (const section of [init, config, model]) section.end();
  return read;
}

function padVocabulary(config: ModelConfig, multiple: number): ModelConfig {
  return { ...config, vocabSize: Math.ceil(config.vocabSize / multiple) * multiple };
}

function readOptimizer(optimizer: RecipeSection): OptimizerRecipe {
  const factory = optimizer.section('optimizer_factory');
  factory.choice('name', ['adamW'], 'adamW');
  factory.ignore('torch_adam_is_fused');
  const read: OptimizerRecipe = {
    beta1: factory.number('adam_beta1', { fallback: 0.9, most: MOST_BETA }),
    beta2: factory.number('adam_beta2', { fallback: 0.95, most: MOST_BETA }),
    eps: factory.number('adam_eps', { fallback: 1e-8 }),
    weightDecay: optimizer.number('weight_decay', { fallback: 0 }),
    weightDecayExclude: readPatterns(optimizer, 'weight_decay_exclude_named_params'),
    clipGrad: optimizer.has('clip_grad') ? optimizer.number('clip_grad') : undefined,
  };
  factory.end();
  optimizer.ignore('accumulate_grad_in_fp32', 'zero_stage', 'clip_grad');
  return read;
}

/** Regular expressions, which the trainer matches with names of parameters. */
function readPatterns(section: RecipeSection, key: string): string[] {
  const patterns = section.texts(key);
  for (const pattern of patterns) {
    try {
      namePattern(pattern);
    } catch {
      section.fail(key, 'regular expressions of JavaScript', pattern);
    }
  }
  return patterns;
}

function readSchedule(scheduler: RecipeSection, trainSteps: number): ScheduleRecipe {
  const learningRate = scheduler.number('learning_rate');
  const warmupSteps = scheduler.count('lr_warmup_steps', { fallback: 0, least: 0 });
  const start = scheduler.optionalCount('lr_decay_starting_step', 0);
  const rest = Math.max(trainSteps - warmupSteps - (start ?? 0), 0);
  const read: ScheduleRecipe = {
    learningRate,
    warmupSteps,
    warmupStyle: scheduler.choice('lr_warmup_style', ['linear', 'constant'], 'linear'),
    decayStart: start ?? warmupSteps,
    decaySteps: scheduler.count('lr_decay_steps', { fallback: rest, least: 0 }),
    decayStyle: scheduler.choice('lr_decay_style', ['linear', 'cosine', '1-sqrt'], 'linear'),
    minLearningRate: scheduler.number('min_decay_lr', { fallback: learningRate }),
  };
  if (!scheduler.has('min_decay_lr')) scheduler.note('min_decay_lr', 'null means no decay at all');
  if (read.minLearningRate > learningRate) {
    scheduler.fail('min_decay_lr', `at most learning_rate, ${learningRate}`, read.minLearningRate);
  }
  scheduler.end();
  return read;
}

/** Data-parallel replicas: here they are micro-batches one after the other. */
function readReplicas(root: RecipeSection): number {
  const parallelism = root.section('parallelism');
  const replicas = parallelism.count('dp', { fallback: 1 });
  for (const key of ['tp', 'pp', 'expert_parallel_size', 'context_parallel_size']) {
    const parts = parallelism.count(key, { fallback: 1 });
    if (parts > 1) parallelism.note(key, `${parts} parts of a model: one machine holds it whole`);
  }
  parallelism.ignore('pp_engine', 'recompute_layer', 'tp_linear_async_communication', 'tp_mode');
  parallelism.ignore('tp_recompute_allgather', 'moe_layer_recompute');
  parallelism.end();
  return replicas;
}

function readStages(root: RecipeSection, file: string): StageRecipe[] {
  const stages = root.list('data_stages').map((entry, i) => {
    const stage = root.sectionOf(entry, `data_stages[${i}]`);
    const source = stage.section('data');
    const read: StageRecipe = {
      name: stage.text('name') ?? `stage ${i + 1}`,
      startStep: stage.count('start_training_step'),
      mixture: readMixture(source.section('dataset')),
      seed: source.seed(DEFAULT_SEED),
    };
    source.ignore('num_loading_workers');
    source.end();
    stage.end();
    return read;
  });
  stages.sort((a, b) => a.startStep - b.startStep);
  const place = { file, field: 'data_stages' };
  if (stages[0]?.startStep !== 1) throw new FormatError('expected a stage that starts at step 1', place);
  for (const member of ['name', 'startStep'] as const) {
    const values = stages.map((stage) => stage[member]);
    if (new Set(values).size === values.length) continue;
    const key = member === 'name' ? 'name' : 'start_training_step';
    throw new FormatError(`expected stages with different ${key}, got ${values.join(', ')}`, place);
  }
  return stages;
}

function readMixture(dataset: RecipeSection): MixturePart[] {
  const folders = dataset.texts('dataset_folder');
  if (folders.length === 0) dataset.fail('dataset_folder', 'a folder of token shards or several', undefined);
  const weights = dataset.list('dataset_weights');
  dataset.ignore('tokenizer_name', 'vocab_size', 'return_positions', 'use_old_brrr_dataloader');
  const size = dataset.optionalCount('token_size_in_bytes');
  if (size !== undefined && size !== 2 && size !== 4) dataset.fail('token_size_in_bytes', '2 or 4', size);
  const tokenBytes = size === undefined ? {} : { tokenBytes: size as TokenBytes };
  dataset.end();
  if (weights.length === 0) return folders.map((folder) => ({ folder, weight: undefined, ...tokenBytes }));
  const isWeight = (weight: unknown) => typeof weight === 'number' && weight >= 0 && Number.isFinite(weight);
  if (weights.length !== folders.length || !weights.every(isWeight)) {
    dataset.fail('dataset_weights', `${folders.length} numbers, one for each folder`, weights);
  }
  if (!weights.some((weight) => weight !== 0)) dataset.fail('dataset_weights', 'one above 0', weights);
  return folders.map((folder, i) => ({ folder, weight: weights[i] as number, ...tokenBytes }));
}

function readEvaluation(section: RecipeSection, tokens: RecipeSection): EvaluationRecipe {
  const every = tokens.number('val_check_interval', { fallback: -1, least: -1 });
  const read: EvaluationRecipe = {
    folder: section.text('dataset_folder'),
    textBytes: section.optionalCount('text_bytes'),
    interval: section.count('interval', { fallback: every >= 1 ? Math.floor(every) : EVALUATION_INTERVAL }),
    prompts: section.texts('prompts'),
    sampleTokens: section.count('sample_tokens', { fallback: 48 }),
  };
  section.end();
  return read;
}
