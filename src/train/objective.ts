// What a run optimises: pretraining, SFT and DPO differ in where rows come from and in what the loss of a step is; the
// loop around them (trainer.ts) is one.

import type { TrainingMachine } from './machine.ts';

/** What one step has added up. */
export interface StepLoss {
  /** Mean loss of the step, in nats (DPO: of the pairs). */
  readonly loss: number;
  /** Labels that counted. */
  readonly labels: number;
  /** More numbers for the log, by the names of HF and TRL. */
  readonly extra: Readonly<Record<string, number>>;
  /** Where the rows came from, for a message about a bad batch. */
  readonly places: readonly string[];
}

export interface Objective {
  readonly totalSteps: number;
  /** Rows consumed so far, by stage: what a checkpoint keeps. */
  readonly consumedRows: Record<string, number>;
  /** What tells the data of each stage from others, where the objective can. */
  readonly data?: Readonly<Record<string, string>>;
  /** Adds the gradient of iteration `step` (from 1) and moves on. */
  accumulate(machine: TrainingMachine, step: number): Promise<StepLoss>;
  /** True where iteration `step` would see rows for another time, and that is not wanted. */
  isExhausted(step: number): boolean;
  /** How often the data have been seen, as a fraction. */
  epochs(): number;
  /** Loss on rows that are held out, with more numbers for the log; undefined where there are none. */
  evaluate(machine: TrainingMachine): Promise<EvaluationLoss | undefined>;
}

export interface EvaluationLoss {
  readonly loss: number;
  readonly extra: Readonly<Record<string, number>>;
}
