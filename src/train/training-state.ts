// What a training run must remember besides its weights, so that it goes on with the same bits.

import type { Recipe } from './recipe.ts';

/** Where a run stands after a whole number of steps. */
export interface TrainingState {
  /** Layout of this record. */
  readonly version: 1;
  /** Steps that have been taken; the next iteration is step + 1. */
  readonly step: number;
  /** Updates of AdamW, its t; less than step where steps were skipped. */
  readonly updates: number;
  /** Rows consumed in each stage, by name. */
  readonly consumedRows: Readonly<Record<string, number>>;
  /** What told the data of each stage from others; absent in older records. */
  readonly data?: Readonly<Record<string, string>>;
  /** Labels that counted so far. */
  readonly consumedTokens: number;
  /** Running hash of the losses so far, hex. */
  readonly lossHash: string;
  /** Best evaluation so far. */
  readonly best: { readonly step: number; readonly loss: number } | null;
  /** What the run was started with, to see what has changed when it is resumed (recipe-changes.ts). */
  readonly recipe: Recipe;
}

/** A tensor of a checkpoint: a view of the trainer's memory, or of a file that was read. */
export interface StateTensor {
  /** HF name of the parameter. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Weights and both moments of AdamW, parameter by parameter in the same order. */
export interface TrainingTensors {
  readonly weights: readonly StateTensor[];
  /** exp_avg. */
  readonly firstMoments: readonly StateTensor[];
  /** exp_avg_sq. */
  readonly secondMoments: readonly StateTensor[];
}

/** A whole checkpoint in memory. */
export interface TrainingCheckpoint {
  readonly state: TrainingState;
  readonly tensors: TrainingTensors;
}

/** Writes and finds checkpoints: a folder on disk (src/node/checkpoint-folder.ts), or a page's own storage. */
export interface CheckpointStore {
  /**
   * Writes a checkpoint so that it is whole or absent, whatever happens meanwhile.
   *
   * @returns its name
   */
  save(checkpoint: TrainingCheckpoint): Promise<string>;
  /** The last whole checkpoint, or undefined. */
  latest(): Promise<TrainingCheckpoint | undefined>;
  /** @throws UnavailableError when there is no whole checkpoint of this step */
  load(step: number): Promise<TrainingCheckpoint>;
}
