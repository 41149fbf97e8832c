// What one forward pass works on: the network on its engine, and the rows of this pass.

import type { ModelConfig } from '../config.ts';
import type { Engine, Fusible, Ops, RopeTable, Sequence, Vector } from '../ops.ts';
import type { Trace } from './trace.ts';
import { rankOf, type Weights } from './weights.ts';
import { makeWorkspace, PREFILL_ROWS, type Workspace } from './workspace.ts';

/** A model ready to run on one engine: numbers, what is learned, what is precomputed, scratch. */
export interface Network {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly rope: RopeTable;
  readonly workspace: Workspace;
  /** Of each layer, what the engine can run fused; nothing when absent. */
  readonly fusible?: readonly Fusible[];
}

const NOTHING_FUSIBLE: Fusible = { attention: false, mlp: false };

/**
 * @param maxSeqLen positions that a cache may hold at most
 * @param maxRows   rows of one chunk, for which scratch is made
 */
export function makeNetwork(
  engine: Engine,
  config: ModelConfig,
  weights: Weights,
  maxSeqLen = config.maxSeqLen,
  maxRows = PREFILL_ROWS,
): Network {
  const rank = rankOf(weights);
  const workspace = makeWorkspace(config, Math.min(maxRows, maxSeqLen), rank, (length) =>
    engine.vector(length),
  );
  const fusible = weights.layers.map(({ qkv, oBias, gateUp, downBias, adapters }) => {
    const { attention, mlp } = engine.fusible?.(qkv, gateUp) ?? NOTHING_FUSIBLE;
    // Of the biases the fused operations add those of q, k and v only; and no adapter.
    if (adapters) return NOTHING_FUSIBLE;
    return { attention: attention && !oBias, mlp: mlp && !gateUp.gateBias && !downBias };
  });
  return { config, weights, rope: engine.ropeTable(config, maxSeqLen), workspace, fusible };
}

/** Who looks at the values of a pass. */
export interface Watch {
  readonly trace: Trace;
  /** [numHeads, numRows, positions]; given where attention weights are watched. */
  readonly probs?: Vector;
}

/** What every module of one pass needs besides the weights; the buffers are cut to the rows of this pass. */
export interface Pass extends Partial<Watch> {
  readonly ops: Ops;
  readonly config: ModelConfig;
  readonly rope: RopeTable;
  readonly buffers: Omit<Workspace, 'maxRows'>;
  readonly sequences: readonly Sequence[];
  readonly fusible?: readonly Fusible[];
  readonly numRows: number;
}
