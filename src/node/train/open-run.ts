// What a run is asked for, and what pretraining, SFT and DPO make ready for the loop.

import { loadParameters } from '../../train/load-parameters.ts';
import type { TrainingMachine } from '../../train/machine.ts';
import type { Objective } from '../../train/objective.ts';
import type { ScheduleRecipe } from '../../train/recipe.ts';
import type { StepLine } from '../../train/trainer.ts';
import { openStart } from './open-checkpoint.ts';

/** Tells of long work: bytes (MB) or rows; without a total where nobody knows it. */
export type Progress = (what: string, done: number, total: number | undefined, unit: 'MB' | 'rows') => void;

export interface RunOptions {
  readonly recipe: string;
  readonly out: string;
  readonly threads?: number;
  readonly engine?: 'reference' | 'wasm';
  readonly maxSteps?: number;
  readonly seed?: number;
  readonly resume?: boolean;
  /** Decay from this step's checkpoint of the run, in a folder of its own; over so many steps. */
  readonly decayFrom?: number;
  readonly decaySteps?: number;
  readonly skipsNan?: boolean;
  /** Stop where the data would be seen again. */
  readonly noRepeat?: boolean;
  readonly onStep?: (line: StepLine, totalSteps: number) => void;
  readonly onNote: (text: string) => void;
  /** How far the work before the first step is: shards compared with their hashes, rows read and judged. */
  readonly onProgress?: Progress;
  readonly isInterrupted?: () => boolean;
}

/** A run made ready: the machine, what it optimises, and how. */
export interface OpenRun {
  readonly machine: TrainingMachine;
  readonly objective: Objective;
  readonly schedule: ScheduleRecipe;
  /** Instead of the recipe's, where it counts epochs. */
  readonly checkpointInterval?: number;
  readonly evaluationInterval?: number;
  /** Fills the first weights; a checkpoint that is resumed comes on top. */
  readonly begin: () => Promise<void>;
  readonly sample?: (step: number) => Promise<readonly string[]>;
  /** Adapters that were trained, in PEFT's layout, by file name. */
  readonly adapters?: () => ReadonlyMap<string, Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Fills a machine with the weights of a model by name or path. */
export async function loadModelInto(machine: TrainingMachine, model: string): Promise<void> {
  const checkpoint = await openStart(model);
  try {
    await loadParameters(machine, checkpoint.tensors);
  } finally {
    await checkpoint.close();
  }
}
