// `smollm2 plan --train RECIPE`: what a training run takes before anything starts.

import { type ModelConfig, numParameters } from '../config.ts';
import { openStart } from '../node/train/open-checkpoint.ts';
import { pathOfRecipe, readRecipeFile } from '../node/train/recipe-file.ts';
import { planTraining } from '../run/training.ts';
import type { AdapterShape } from '../train/learner.ts';
import { adapterShape } from '../train/lora-targets.ts';
import { type DpoRecipe, type PretrainRecipe, type SftRecipe, sequencesPerStep } from '../train/recipe.ts';
import { print, Status } from './terminal.ts';

/** Multiply-adds of one parameter and token, forward and backward, in floating-point operations. */
const FLOPS = 6;
/** What one thread sustains over a whole step, in operations a second: npm run bench:train prints this machine's. */
const FLOPS_PER_SECOND = 45e9;

export interface PlanTrainOptions {
  readonly threads: number;
  /** Bytes that there are. */
  readonly limit: number | undefined;
  readonly json: boolean;
}

/** @returns false where the run does not fit into the memory that 32-bit addresses reach, or into `limit` */
export async function planTrain(path: string, options: PlanTrainOptions): Promise<boolean> {
  const { threads, limit } = options;
  const { recipe, notices } = await readRecipeFile(path);
  for (const notice of notices) new Status().note(notice);
  const run = recipe.kind === 'pretrain' ? pretraining(recipe) : await fineTuning(recipe, path);
  const { model, maxRows, maxSeqLen, adapters, tokens } = run;
  const plan = planTraining(model, { threads, maxRows, maxSeqLen, adapters });
  const most = Math.min(limit ?? Number.POSITIVE_INFINITY, 2 ** 32 + plan.heapBytes);
  const bytes = plan.bytes + plan.heapBytes;
  const fits = bytes <= most;
  const parameters = numParameters(model);
  const seconds =
    tokens && (FLOPS * parameters * tokens * (plan.recomputes ? 4 / 3 : 1)) / FLOPS_PER_SECOND / threads;
  if (options.json) {
    const { stateBytes, passBytes, heapBytes, recomputes } = plan;
    const memory = { stateBytes, passBytes, heapBytes, bytes, limit: most, fits, recomputes };
    await print(`${JSON.stringify({ name: recipe.name, parameters, ...memory, tokens, seconds })}\n`);
    return fits;
  }
  const again = plan.recomputes ? ' (layers are computed again)' : '';
  const lines = [
    `${recipe.name}: ${parameters} parameters, ${run.steps}`,
    `parameters, gradients, moments  ${megabytes(plan.stateBytes)}`,
    `activations and scratch         ${megabytes(plan.passBytes)}${again}`,
    `heaps of JavaScript, about      ${megabytes(plan.heapBytes)}`,
    `in all                          ${megabytes(bytes)}${fits ? '' : `, more than ${megabytes(most)}`}`,
  ];
  if (tokens !== undefined && seconds !== undefined) {
    lines.push(
      `tokens                          ${tokens}`,
      `time, ${threads} thread${threads === 1 ? '' : 's'}                 about ${duration(seconds)}`,
    );
  }
  if (!fits) lines.push(advice(model));
  await print(`${lines.join('\n')}\n`);
  return fits;
}

/** What decides the memory and the time of a run. */
interface PlannedRun {
  readonly model: ModelConfig;
  readonly maxRows: number;
  readonly maxSeqLen: number;
  readonly adapters?: AdapterShape;
  /** How many and how large, in words. */
  readonly steps: string;
  /** In all steps; undefined where the rows decide. */
  readonly tokens?: number;
}

function pretraining(recipe: PretrainRecipe): PlannedRun {
  const { model, sequenceLength: maxSeqLen, microBatchSize, trainSteps } = recipe;
  const perStep = sequencesPerStep(recipe) * maxSeqLen;
  const steps = `${trainSteps} steps of ${perStep} tokens`;
  return { model, maxRows: microBatchSize * maxSeqLen, maxSeqLen, steps, tokens: trainSteps * perStep };
}

/** At most: rows may be shorter than the recipe allows. A pair is two rows. */
async function fineTuning(recipe: SftRecipe | DpoRecipe, path: string): Promise<PlannedRun> {
  const start = await openStart(pathOfRecipe(recipe.startFrom, path));
  await start.close();
  const { lora, microBatchSize, maxLength } = recipe;
  const [what, each] = recipe.kind === 'dpo' ? (['pairs', 2] as const) : (['rows', 1] as const);
  return {
    model: start.config,
    maxRows: each * microBatchSize * (maxLength - 1),
    maxSeqLen: maxLength - 1,
    ...(lora && { adapters: adapterShape(lora, start.config, { file: path, field: 'lora_target_modules' }) }),
    steps: `steps of ${sequencesPerStep(recipe)} ${what} of up to ${maxLength} tokens`,
  };
}

function advice(model: ModelConfig): string {
  return numParameters(model) > 2 ** 28
    ? 'does not fit: float32 parameters with gradients and moments take 16 bytes each; tune adapters (LoRA)'
    : 'does not fit: make micro_batch_size or sequence_length smaller (scale:)';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(8)} MB`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}
