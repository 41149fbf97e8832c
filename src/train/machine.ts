// What the training loop asks of the machine that computes: a Learner in this thread, or one in each worker of a team
// (src/run/training-team.ts). Calls take turns.

import type { ModelConfig } from '../config.ts';
import type { Vector } from '../ops.ts';
import type { RowLosses } from '../ops-backward.ts';
import type { Batch, Learner, UpdateOptions } from './learner.ts';

/** What is kept for each parameter. */
export type StateKind = 'values' | 'gradient' | 'firstMoment' | 'secondMoment';

export interface TrainingMachine {
  readonly config: ModelConfig;
  readonly engineName: 'reference' | 'wasm';
  /** Name and shape of every parameter in the order of the forward pass, adapters last; and whether it is trained. */
  readonly parameters: readonly { name: string; shape: readonly number[]; isTrained: boolean }[];
  /** Adds the gradient of Σ over rows of rowWeights[t] · loss[t]. */
  gradients(batch: Batch, rowWeights: readonly number[]): Promise<RowLosses>;
  losses(batch: Batch): Promise<RowLosses>;
  /** Sum of squares of the gradient of each trained parameter, in their order. */
  gradientSquares(): Promise<number[]>;
  /** One AdamW step; `norm` is that of the whole gradient. */
  update(options: UpdateOptions, norm: number): Promise<void>;
  clearGradients(): Promise<void>;
  /** A copy. */
  read(kind: StateKind, name: string): Float64Array | Float32Array;
  write(kind: StateKind, name: string, values: ArrayLike<number>): void;
  close(): Promise<void>;
}

/** A learner in the calling thread. */
export class LocalMachine<V extends Vector> implements TrainingMachine {
  readonly config: ModelConfig;
  readonly engineName: 'reference' | 'wasm';
  readonly parameters: TrainingMachine['parameters'];
  private readonly learner: Learner<V>;

  constructor(learner: Learner<V>) {
    this.learner = learner;
    this.config = learner.config;
    this.engineName = learner.engine.name;
    this.parameters = Array.from(learner.parameters.values(), ({ name, shape, gradient }) => ({
      name,
      shape,
      isTrained: gradient !== undefined,
    }));
  }

  async gradients(batch: Batch, rowWeights: readonly number[]): Promise<RowLosses> {
    return this.learner.gradients(batch, rowWeights);
  }

  async losses(batch: Batch): Promise<RowLosses> {
    return this.learner.losses(batch);
  }

  async gradientSquares(): Promise<number[]> {
    return this.learner.gradientSquares();
  }

  async update(options: UpdateOptions, norm: number): Promise<void> {
    this.learner.update(options, norm);
  }

  async clearGradients(): Promise<void> {
    this.learner.clearGradients();
  }

  read(kind: StateKind, name: string): Float64Array | Float32Array {
    return this.learner.engine.read(bufferOf(this.learner, kind, name));
  }

  write(kind: StateKind, name: string, values: ArrayLike<number>): void {
    this.learner.engine.write(bufferOf(this.learner, kind, name), values);
  }

  async close(): Promise<void> {}
}

/** The buffer of a parameter, its gradient or a moment. */
export function bufferOf<V extends Vector>(learner: Learner<V>, kind: StateKind, name: string): V {
  const parameter = learner.parameters.get(name);
  if (!parameter) throw new RangeError(`parameters: expected one named ${name}, got none`);
  if (kind === 'values') return parameter.values;
  const buffer = learner.trained.find((trained) => trained.parameter === parameter)?.[kind];
  if (!buffer) throw new RangeError(`${name}: expected a parameter with a ${kind}, got one without`);
  return buffer;
}
