// Running a model with eyes and hands on its trace points, in the words of TransformerLens: a cache of
// activations, and hooks that replace them. Everything else in this folder is made of these two.

import { logprobsOf } from '../generate/logprobs.ts';
import type { Model } from '../model/model.ts';

/** One point's values, with the axes of model/trace.ts (no batch dimension). */
export interface Activation {
  readonly values: Float64Array | Float32Array;
  readonly shape: readonly number[];
}

/** Activations of one pass by point name, and its logits. */
export interface ActivationCache {
  readonly ids: readonly number[];
  readonly points: ReadonlyMap<string, Activation>;
  /** [rows, vocabSize] */
  readonly logits: Float64Array | Float32Array;
}

/** Changes the values of a point in place before the pass goes on. */
export type Hook = (values: Float64Array | Float32Array, shape: readonly number[]) => void;

/**
 * Runs `ids` and keeps the named points (TransformerLens `run_with_cache`); every point when no
 * names are given.
 *
 * @throws RangeError for a point that the model does not pass
 */
export async function runWithCache(
  model: Model,
  ids: readonly number[],
  names?: readonly string[],
): Promise<ActivationCache> {
  const points = new Map<string, Activation>();
  const logits = await traced(model, ids, names, (name, values, shape) => {
    points.set(name, { values, shape });
    return false;
  });
  const missing = names?.find((name) => !points.has(name));
  if (missing !== undefined)
    throw new RangeError(`points: expected names of src/model/trace.ts, got ${missing}`);
  return { ids, points, logits };
}

/**
 * Runs `ids` with hooks on named points (TransformerLens `run_with_hooks`).
 *
 * @returns logits [rows, vocabSize]
 * @throws RangeError for a point that the model does not pass
 */
export async function runWithHooks(
  model: Model,
  ids: readonly number[],
  hooks: Readonly<Record<string, Hook>>,
): Promise<Float64Array | Float32Array> {
  const left = new Set(Object.keys(hooks));
  const logits = await traced(model, ids, Object.keys(hooks), (name, values, shape) => {
    left.delete(name);
    hooks[name](values, shape);
    return true;
  });
  const [missing] = left;
  if (missing !== undefined)
    throw new RangeError(`hooks: expected names of src/model/trace.ts, got ${missing}`);
  return logits;
}

/** One traced pass in a cache of its own; `see` returns whether it changed the values. */
async function traced(
  model: Model,
  ids: readonly number[],
  names: readonly string[] | undefined,
  see: (name: string, values: Float64Array | Float32Array, shape: readonly number[]) => boolean,
): Promise<Float64Array | Float32Array> {
  const cache = model.newCache(Math.min(ids.length, model.config.maxSeqLen));
  const wanted = names && new Set(names);
  try {
    return await model.forward(ids, cache, {
      logits: 'all',
      points: names,
      trace: (name, value, shape) => {
        if (wanted && !wanted.has(name)) return;
        const values = model.read(value);
        if (see(name, values, shape)) model.write(value, values);
      },
    });
  } finally {
    model.freeCache(cache);
  }
}

/** The activation of a point; fails for one that was not kept. */
export function activation(cache: ActivationCache, name: string): Activation {
  const found = cache.points.get(name);
  if (!found) throw new RangeError(`cache: expected ${name} among the points kept, got none`);
  return found;
}

/** ln p of `id` under row `row` of logits [rows, vocabSize]. */
export function logprobOf(
  logits: Float64Array | Float32Array,
  row: number,
  id: number,
  vocabSize: number,
): number {
  return logprobsOf(logits.subarray(row * vocabSize, (row + 1) * vocabSize), id, 0).logprob;
}

/** Mean of -ln p of ids[t + 1] after row t, for t in [begin, end). */
export function meanLoss(
  logits: Float64Array | Float32Array,
  ids: readonly number[],
  vocabSize: number,
  begin = 0,
  end = ids.length - 1,
): number {
  let sum = 0;
  for (let t = begin; t < end; t++) sum -= logprobOf(logits, t, ids[t + 1], vocabSize);
  return sum / (end - begin);
}
