// What a training recipe says once it has been read: numbers and names in one shape, whether the file was
// nanotron's yaml (pretraining) or TRL's (SFT, DPO). read-recipe.ts makes one out of a parsed file; nothing
// here depends on a machine.

import type { ModelConfig } from '../config.ts';
import type { TokenBytes } from './token-shard.ts';

/** AdamW and what stands around it (nanotron `optimizer`; HF `TrainingArguments`). */
export interface OptimizerRecipe {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Decoupled; on every parameter, norms and embedding too, unless excluded. */
  readonly weightDecay: number;
  /** Regular expressions: no decay where HF's name (in pretraining nanotron's too) begins with a match. */
  readonly weightDecayExclude: readonly string[];
  /** Largest norm of the whole gradient; undefined never clips. */
  readonly clipGrad: number | undefined;
}

export type DecayStyle = 'linear' | 'cosine' | '1-sqrt';

/**
 * nanotron's learning rate, all steps resolved: `learningRate · step / warmupSteps` up to warmupSteps, flat up
 * to decayStart, then `decayStyle` over decaySteps down to minLearningRate, which stays. Iteration s (from 1)
 * runs with the value of step s - 1.
 */
export interface ScheduleRecipe {
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** `constant`: the full learning rate from the first step on. */
  readonly warmupStyle: 'linear' | 'constant';
  readonly decayStart: number;
  readonly decaySteps: number;
  readonly decayStyle: DecayStyle;
  /** Equal to learningRate where the file has `min_decay_lr: null`: no decay. */
  readonly minLearningRate: number;
}

/** A folder of token shards and its share of a mixture. */
export interface MixturePart {
  readonly folder: string;
  /** Shares of a stage add up to 1. Undefined in all parts: each by its length. */
  readonly weight: number | undefined;
  /** Of an id, where the recipe says; shards that say otherwise are refused. */
  readonly tokenBytes?: TokenBytes;
}

/** How windows follow each other; see window-order.ts. */
export type WindowOrderName = 'nanotron' | 'fresh';

/** A stretch of training on one mixture. */
export interface StageRecipe {
  readonly name: string;
  /** First iteration of the stage; the first stage has 1. */
  readonly startStep: number;
  readonly mixture: readonly MixturePart[];
  /** Seed of the order of windows. */
  readonly seed: number;
}

/** Evaluation while training (our `evaluation` section). */
export interface EvaluationRecipe {
  /** Folder of token shards held out; undefined evaluates nothing. */
  readonly folder: string | undefined;
  /** UTF-8 bytes of the held-out text, for bits per byte; undefined asks the shards. */
  readonly textBytes: number | undefined;
  /** Iterations between evaluations. */
  readonly interval: number;
  /** Texts that are continued at each evaluation. */
  readonly prompts: readonly string[];
  /** Tokens of each continuation. */
  readonly sampleTokens: number;
}

/** How often and where checkpoints are written (nanotron `checkpoints`). */
export interface CheckpointRecipe {
  /** Iterations between checkpoints. */
  readonly interval: number;
  readonly saveInitial: boolean;
  readonly saveFinal: boolean;
  /** The newest so many stay on disk (HF `save_total_limit`); undefined keeps all. */
  readonly keep?: number;
}

/** Low-rank adapters (PEFT's names in TRL's yaml). */
export interface LoraRecipe {
  readonly rank: number;
  readonly alpha: number;
  /** Names of modules or their ends, such as `q_proj`; alone also a pattern or `all-linear` (lora-targets.ts). */
  readonly targetModules: readonly string[];
  /** Scaled by alpha / sqrt(rank) instead of alpha / rank (PEFT's `use_rslora`); absent where it is not. */
  readonly isRankStabilised?: boolean;
}

interface AnyRecipe {
  /** Name of the run. */
  readonly name: string;
  /** Seed of initialisation, and of the order where a stage has none of its own. */
  readonly seed: number;
  readonly optimizer: OptimizerRecipe;
  readonly evaluation: EvaluationRecipe;
  readonly checkpoints: CheckpointRecipe;
}

/** Next-token prediction on packed windows, from nothing or from a checkpoint. */
export interface PretrainRecipe extends AnyRecipe {
  readonly kind: 'pretrain';
  readonly model: ModelConfig;
  /** Standard deviation of the initialisation; o_proj and down_proj get initStd / sqrt(2 · numLayers). */
  readonly initStd: number;
  /** The checkpoint's query and key rows alternate the halves of a rotation (nanotron's 1.7B). */
  readonly ropeInterleaved: boolean;
  /** Attention stays inside documents, and the label that begins a document does not count (SmolLM3). */
  readonly documentMasking: boolean;
  readonly schedule: ScheduleRecipe;
  /** Tokens of a row. */
  readonly sequenceLength: number;
  /** Rows that are in memory at once. */
  readonly microBatchSize: number;
  /** Micro-batches of a step: accumulation times data-parallel replicas. */
  readonly microBatchesPerStep: number;
  readonly trainSteps: number;
  readonly stages: readonly StageRecipe[];
  readonly order: WindowOrderName;
  /** Folder or name of the tokenizer. */
  readonly tokenizer: string | undefined;
  /** Checkpoint (folder or file) to start from: nanotron's `resume_checkpoint_path`. */
  readonly startFrom: string | undefined;
}

/** What SFT and DPO share: TRL's trainers count epochs and find the number of steps when they see the rows. */
export interface FineTuneRecipe extends AnyRecipe {
  /** Folder, file or name of the model that is tuned. */
  readonly startFrom: string;
  /** Jinja source that replaces the model's. */
  readonly chatTemplate: string | undefined;
  /** Name or path of the rows (JSONL or parquet). */
  readonly dataset: string;
  readonly trainSplit: string;
  readonly testSplit: string | undefined;
  readonly epochs: number;
  /** Replaces epochs where it is given. */
  readonly maxSteps: number | undefined;
  readonly learningRate: number;
  readonly decayStyle: 'linear' | 'cosine' | 'constant';
  /** Share of all steps, rounded up; unless warmupSteps says how many. */
  readonly warmupRatio: number;
  readonly warmupSteps: number | undefined;
  /** Conversations (SFT) or pairs (DPO) that are in memory at once. */
  readonly microBatchSize: number;
  readonly microBatchesPerStep: number;
  /** Longest row in tokens. */
  readonly maxLength: number;
  /** At the end of each epoch instead of every so many steps; absent where not. */
  readonly savesEachEpoch?: boolean;
  readonly evaluatesEachEpoch?: boolean;
  readonly lora: LoraRecipe | undefined;
}

/** Supervised fine-tuning on conversations. */
export interface SftRecipe extends FineTuneRecipe {
  readonly kind: 'sft';
  /** Only what the assistant says counts; otherwise every token. */
  readonly assistantOnlyLoss: boolean;
  /** Several conversations in a row, each behind its own document boundary. */
  readonly packing: boolean;
}

/** Direct preference optimisation on pairs. */
export interface DpoRecipe extends FineTuneRecipe {
  readonly kind: 'dpo';
  readonly beta: number;
  /** Longest prompt in tokens; its beginning is cut. */
  readonly maxPromptLength: number;
}

export type Recipe = PretrainRecipe | SftRecipe | DpoRecipe;

/** Sequences of one step. */
export function sequencesPerStep(recipe: Recipe): number {
  return recipe.microBatchSize * recipe.microBatchesPerStep;
}

/** Index of the stage that iteration `step` (from 1) belongs to: the last that has begun. */
export function stageAt(stages: readonly StageRecipe[], step: number): number {
  return stages.findLastIndex(({ startStep }) => startStep <= step);
}

/**
 * The schedule of a fine-tuning run of `totalSteps` steps, in nanotron's terms: HF's linear and cosine
 * schedules are the same curves with the decay right behind the warm-up.
 */
export function fineTuneSchedule(recipe: SftRecipe | DpoRecipe, totalSteps: number): ScheduleRecipe {
  const { learningRate, decayStyle, warmupRatio } = recipe;
  const warmupSteps = recipe.warmupSteps ?? Math.ceil(totalSteps * warmupRatio);
  return {
    learningRate,
    warmupSteps,
    warmupStyle: 'linear',
    decayStart: warmupSteps,
    decaySteps: Math.max(totalSteps - warmupSteps, 1),
    decayStyle: decayStyle === 'constant' ? 'linear' : decayStyle,
    minLearningRate: decayStyle === 'constant' ? learningRate : 0,
  };
}
