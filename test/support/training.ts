// Learners on the tiny models, and the batches of their goldens.

import { readFileSync } from 'node:fs';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { IGNORED_LABEL, type TrainingEngine } from '../../src/ops-backward.ts';
import { ReferenceTraining } from '../../src/reference/training.ts';
import { type Batch, Learner, type LearnerOptions } from '../../src/train/learner.ts';
import { loadParameters } from '../../src/train/load-parameters.ts';
import { LocalMachine } from '../../src/train/machine.ts';
import { WasmTraining } from '../../src/wasm/training.ts';
import { bindTrainingKernels } from '../../src/wasm/training-kernels.ts';
import { tinyCheckpoint } from './tiny-models.ts';

/** A learner that holds a tiny model's weights. */
export async function tinyLearner(
  name: string,
  options: Partial<LearnerOptions> = {},
  engine: TrainingEngine = new ReferenceTraining(),
): Promise<Learner> {
  const checkpoint = await tinyCheckpoint(name);
  const learner = await learnerOf(checkpoint, options, engine);
  await checkpoint.close();
  return learner;
}

export async function learnerOf(
  checkpoint: Checkpoint,
  options: Partial<LearnerOptions> = {},
  engine: TrainingEngine = new ReferenceTraining(),
): Promise<Learner> {
  const learner = new Learner(engine, checkpoint.config, { maxSeqLen: 128, recomputes: false, ...options });
  await loadParameters(new LocalMachine(learner), checkpoint.tensors);
  return learner;
}

/** Rows of ids, each predicting its own next ids; `numUnlabelled[i]` first targets of a row do not count. */
export function batchOf(rows: readonly (readonly number[])[], numUnlabelled: readonly number[] = []): Batch {
  return {
    ids: rows.flatMap((row) => row.slice(0, -1)),
    labels: rows.flatMap((row, i) =>
      row.slice(1).map((id, t) => (t < (numUnlabelled[i] ?? 0) ? IGNORED_LABEL : id)),
    ),
    sequenceLengths: rows.map((row) => row.length - 1),
  };
}

/** Prompt and completion in one row, where only the completion's tokens are labels. */
export function completions(pairs: readonly { prompt: number[]; completion: number[] }[]): Batch {
  return batchOf(
    pairs.map(({ prompt, completion }) => [...prompt, ...completion]),
    pairs.map(({ prompt }) => prompt.length - 1),
  );
}

/** 1 / (number of labels), for every row. */
export function meanWeights({ labels }: Batch): number[] {
  const count = labels.filter((label) => label !== IGNORED_LABEL).length;
  return labels.map(() => 1 / count);
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

const kernels = new WebAssembly.Module(
  readFileSync(new URL('../../dist/wasm/training-single.wasm', import.meta.url)),
);

/** The WASM engine in this thread, on memory of its own or of the caller's. */
export function wasmTraining({
  memory = new WebAssembly.Memory({ initial: 256, maximum: 256 }),
  maxRows = 256,
  maxSeqLen = 128,
  isWide = false,
} = {}): WasmTraining {
  const shape = { numWorkers: 1, maxRows, maxSeqLen, isWide };
  return new WasmTraining(bindTrainingKernels(kernels, memory), memory.buffer, shape, 0);
}
