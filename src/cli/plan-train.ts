// `smollm2 plan --train RECIPE`: what a training run takes before anything starts.

import { type ModelConfig, numParameters } from '../config.ts';
import { readRecipeFile } from '../node/train/recipe-file.ts';
import { planTraining } from '../run/training.ts';
import { sequencesPerStep } from '../train/recipe.ts';
import { print, Status } from './terminal.ts';

/** Multiply-adds of one parameter and token, forward and backward, in floating-point operations. */
const FLOPS = 6;
/** What one thread sustains over a whole step, in operations a second: npm run bench:train prints this machine's. */
const FLOPS_PER_SECOND = 45e9;

/** @returns false where the run does not fit into the memory that 32-bit addresses reach, or into `limit` */
export async function planTrain(path: string, threads: number, limit: number | undefined): Promise<boolean> {
  const { recipe, notices } = await readRecipeFile(path);
  for (const notice of notices) new Status().note(notice);
  if (recipe.kind !== 'pretrain') {
    throw new RangeError(
      `${path}: expected a recipe of pretraining, got one of tuning, whose rows decide what it takes; ` +
        'smollm2 train reads them and refuses what does not fit before its first step',
    );
  }
  const { model, sequenceLength, microBatchSize, trainSteps } = recipe;
  const shape = { threads, maxRows: microBatchSize * sequenceLength, maxSeqLen: sequenceLength };
  const plan = planTraining(model, shape);
  const most = Math.min(limit ?? Number.POSITIVE_INFINITY, 2 ** 32 + plan.heapBytes);
  const bytes = plan.bytes + plan.heapBytes;
  const fits = bytes <= most;
  const tokens = trainSteps * sequencesPerStep(recipe) * sequenceLength;
  const seconds =
    (FLOPS * numParameters(model) * tokens * (plan.recomputes ? 4 / 3 : 1)) / FLOPS_PER_SECOND / threads;
  const again = plan.recomputes ? ' (layers are computed again)' : '';
  const lines = [
    `${recipe.name}: ${numParameters(model)} parameters, ${trainSteps} steps of ${tokens / trainSteps} tokens`,
    `parameters, gradients, moments  ${megabytes(plan.stateBytes)}`,
    `activations and scratch         ${megabytes(plan.passBytes)}${again}`,
    `heaps of JavaScript, about      ${megabytes(plan.heapBytes)}`,
    `in all                          ${megabytes(bytes)}${fits ? '' : `, more than ${megabytes(most)}`}`,
    `tokens                          ${tokens}`,
    `time, ${threads} thread${threads === 1 ? '' : 's'}                 about ${duration(seconds)}`,
  ];
  if (!fits) lines.push(advice(model));
  await print(`${lines.join('\n')}\n`);
  return fits;
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
