// What a model takes in memory, allocation by allocation, before anything is allocated: for `smollm2 plan`, and for
// loading, which refuses what would not fit. Linear memory is src/wasm/plan.ts; activations and JavaScript are added.

import { OutOfMemoryError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import { PREFILL_ROWS, workspaceSizes } from '../model/workspace.ts';
import type { CacheType } from '../wasm/options.ts';
import { formatPlan, memoryPlan, type PlannedTensor, type PlanPart } from '../wasm/plan.ts';

/** Kernels' own pages and the piece of the file being packed (src/wasm/weight-packer.ts), whose room is reused. */
const PACKING_BYTES = 2 ** 20 + 2 ** 16;

/**
 * JavaScript beside linear memory: code, tokenizer tables, one row of logits. Measured in workerd by
 * `npm run test:runtimes`: 4.9 MB in use after an answer, and 6 to 16 MB that wait to be collected.
 */
export const SCRIPT_BYTES = 12_000_000;

/** Rows per pass that are tried, most first; fewer make a prompt slower and scratch smaller. */
const ROWS = [PREFILL_ROWS, 32, 8] as const;

const MAX_LINEAR_BYTES = 2 ** 32; // addresses of 32 bits

export interface PlanOptions {
  /** Positions of one cache, all of them filled. */
  readonly maxSeqLen: number;
  readonly cacheType: CacheType;
  readonly threads: number;
  /** Tokens of a prompt that are computed at once. */
  readonly rowsPerPass: number;
}

/** Everything that a loaded model allocates, in the order of loading. */
export function planModel(
  config: ModelConfig,
  tensors: Iterable<PlannedTensor>,
  options: PlanOptions,
): PlanPart[] {
  const { maxSeqLen, rowsPerPass } = options;
  const rows = Math.min(rowsPerPass, maxSeqLen);
  const known = [...tensors];
  const rank = known.find(({ name }) => name?.endsWith('.lora_A.weight'))?.shape[0] ?? 0;
  const values = Object.values(workspaceSizes(config, rows, rank)).reduce((sum, length) => sum + length, 0);
  return [
    ...memoryPlan(config, known, options),
    { name: `activations of ${rows} rows`, bytes: 4 * values },
    { name: 'kernels and packing', bytes: PACKING_BYTES },
    { name: 'JavaScript: code, tokenizer, logits', bytes: SCRIPT_BYTES },
  ];
}

export function planBytes(plan: readonly PlanPart[]): number {
  return plan.reduce((sum, part) => sum + part.bytes, 0);
}

/**
 * The plan with the most rows per pass that fits.
 *
 * @param maxMemory bytes that may be used in all; no limit but the addresses' when absent
 * @throws OutOfMemoryError with the smallest plan, where not even that fits
 */
export function fitModel(
  config: ModelConfig,
  tensors: Iterable<PlannedTensor>,
  options: Omit<PlanOptions, 'rowsPerPass'>,
  maxMemory = MAX_LINEAR_BYTES + SCRIPT_BYTES,
): { plan: PlanPart[]; rowsPerPass: number } {
  const known = [...tensors];
  const limit = Math.min(maxMemory, MAX_LINEAR_BYTES + SCRIPT_BYTES);
  let plan: PlanPart[] = [];
  for (const rowsPerPass of ROWS) {
    plan = planModel(config, known, { ...options, rowsPerPass });
    if (planBytes(plan) <= limit) return { plan, rowsPerPass };
  }
  throw new OutOfMemoryError(
    `memory: expected at most ${(limit / 1e6).toFixed(1)} MB, the plan is\n${formatPlan(plan)}\n` +
      'use a smaller file, a lower maxSeqLen, or cacheType f16 or q8',
    formatPlan(plan),
  );
}

/** The longest context that fits, in steps of a page; 0 where not even one page does. */
export function longestContext(
  config: ModelConfig,
  tensors: Iterable<PlannedTensor>,
  options: Omit<PlanOptions, 'rowsPerPass' | 'maxSeqLen'>,
  maxMemory: number,
): number {
  const known = [...tensors];
  const fits = (maxSeqLen: number) =>
    planBytes(planModel(config, known, { ...options, maxSeqLen, rowsPerPass: ROWS[ROWS.length - 1] })) <=
    maxMemory;
  const step = 128;
  let positions = 0;
  while (positions + step <= config.maxSeqLen && fits(positions + step)) positions += step;
  return positions;
}
