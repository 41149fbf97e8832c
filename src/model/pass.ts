// What one forward pass works on: the network on its engine, and the rows of this pass.

import type { ModelConfig } from '../config.ts';
import type { Ops, RopeTable, Sequence, Vector } from '../ops.ts';
import type { Trace } from './trace.ts';
import type { Weights } from './weights.ts';
import type { Workspace } from './workspace.ts';

/** A model ready to run on one engine: numbers, what is learned, what is precomputed, scratch. */
export interface Network {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly rope: RopeTable;
  readonly workspace: Workspace;
}

/** What every module of one pass needs besides the weights; the buffers are cut to the rows of this pass. */
export interface Pass {
  readonly ops: Ops;
  readonly config: ModelConfig;
  readonly rope: RopeTable;
  readonly buffers: Omit<Workspace, 'maxRows'>;
  readonly sequences: readonly Sequence[];
  readonly numRows: number;
  readonly trace?: Trace;
  /** [numHeads, numRows, positions]; given where attention weights are watched. */
  readonly probs?: Vector;
}
