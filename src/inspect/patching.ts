// Taking parts of a model away, and moving activations from one pass into another, to see what they are for.

import type { Model } from '../model/model.ts';
import { pointName } from '../model/points.ts';
import type { Head } from './attention-maps.ts';
import { type ActivationCache, activation, type Hook, runWithHooks } from './hooks.ts';

/** What is taken away: heads, and whole modules by point name (such as `model.layers.3.mlp.down_proj`). */
export interface Ablation {
  readonly heads?: readonly Head[];
  readonly modules?: readonly string[];
  /** `zero`, or `mean` over the tokens of the pass: the part still speaks, but says the same everywhere. */
  readonly mode?: 'zero' | 'mean';
}

/**
 * Runs `ids` without the given parts.
 *
 * @returns logits [rows, vocabSize]
 */
export function ablate(
  model: Model,
  ids: readonly number[],
  ablation: Ablation,
): Promise<Float64Array | Float32Array> {
  const { heads = [], modules = [], mode = 'zero' } = ablation;
  const { headDim, numHeads, numLayers } = model.config;
  const wrong = heads.find(
    ({ layer, head }) => !(head >= 0 && head < numHeads && layer >= 0 && layer < numLayers),
  );
  if (wrong) {
    const got = `layer ${wrong.layer} head ${wrong.head}`;
    throw new RangeError(`heads: expected layers under ${numLayers} and heads under ${numHeads}, got ${got}`);
  }
  const hooks: Record<string, Hook> = {};
  for (const layer of new Set(heads.map((head) => head.layer))) {
    const gone = heads.filter((head) => head.layer === layer).map(({ head }) => head);
    hooks[pointName(layer, 'self_attn.attn_out')] = (values, [numRows]) => {
      for (const head of gone) flatten(values, numRows, head * headDim, (head + 1) * headDim, mode);
    };
  }
  for (const name of modules) {
    hooks[name] = (values, [numRows]) => flatten(values, numRows, 0, values.length / numRows, mode);
  }
  return runWithHooks(model, ids, hooks);
}

/** Columns [begin, end) of every row, set to zero or to their mean over the rows. */
function flatten(
  values: Float64Array | Float32Array,
  numRows: number,
  begin: number,
  end: number,
  mode: 'zero' | 'mean',
): void {
  const size = values.length / numRows;
  for (let i = begin; i < end; i++) {
    let sum = 0;
    if (mode === 'mean') for (let t = 0; t < numRows; t++) sum += values[t * size + i];
    for (let t = 0; t < numRows; t++) values[t * size + i] = sum / numRows;
  }
}

/** One activation moved: rows of a point, taken from another pass. */
export interface Patch {
  readonly point: string;
  /** Token rows; all when absent. */
  readonly rows?: readonly number[];
}

/**
 * Runs `ids` with activations of another pass put in (activation patching, causal tracing): the other pass
 * must have kept the points and have as many tokens.
 *
 * @returns logits [rows, vocabSize]
 */
export function patchActivations(
  model: Model,
  ids: readonly number[],
  source: ActivationCache,
  patches: readonly Patch[],
): Promise<Float64Array | Float32Array> {
  if (source.ids.length !== ids.length) {
    throw new RangeError(`source: expected ${ids.length} tokens as in ids, got ${source.ids.length}`);
  }
  const hooks: Record<string, Hook> = {};
  for (const { point, rows } of patches) {
    const before = hooks[point];
    const { values: from } = activation(source, point);
    hooks[point] = (values, shape) => {
      before?.(values, shape);
      const size = values.length / ids.length;
      for (const t of rows ?? ids.keys()) values.set(from.subarray(t * size, (t + 1) * size), t * size);
    };
  }
  return runWithHooks(model, ids, hooks);
}

export interface PatchScore {
  readonly layer: number;
  readonly row: number;
  /** 0: as in the corrupted pass; 1: as in the clean one. */
  readonly recovered: number;
}

/**
 * Moves one row of the clean stream after one layer at a time into the corrupted pass, and measures how
 * much of the difference between the two that brings back: where the information is, layer by layer and
 * token by token.
 *
 * @param clean  a cache of streamPoints of the clean ids
 * @param metric a number from logits [rows, vocabSize], such as a difference of two logits of the last row
 */
export async function patchSweep(
  model: Model,
  clean: ActivationCache,
  corruptedIds: readonly number[],
  metric: (logits: Float64Array | Float32Array) => number,
): Promise<PatchScore[]> {
  const best = metric(clean.logits);
  const worst = metric(await runWithHooks(model, corruptedIds, {}));
  const scores: PatchScore[] = [];
  for (let layer = 0; layer < model.config.numLayers; layer++) {
    for (let row = 0; row < corruptedIds.length; row++) {
      const patch = { point: pointName(layer, 'layer'), rows: [row] };
      const got = metric(await patchActivations(model, corruptedIds, clean, [patch]));
      scores.push({ layer, row, recovered: (got - worst) / (best - worst) });
    }
  }
  return scores;
}
