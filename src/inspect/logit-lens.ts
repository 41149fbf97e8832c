// The residual stream read as if the model ended early: what each layer would predict (nostalgebraist's logit
// lens), and how long the stream is.

import { logprobsOf } from '../generate/logprobs.ts';
import type { Model } from '../model/model.ts';
import { streamBefore } from '../model/points.ts';
import { type ActivationCache, activation, logprobOf, runWithCache } from './hooks.ts';
import { unembed } from './unembed.ts';

export interface LensRow {
  /** -1 for the embedding, else the layer after which the stream is read. */
  readonly layer: number;
  /** The `top` likeliest ids with ln p, best first. */
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
  /** ln p of `targetId`, where one was asked for. */
  readonly targetLogprob?: number;
}

/**
 * The stream before the first layer and after each (TransformerLens `hook_resid_pre` 0, `hook_resid_post`).
 */
export function streamPoints(numLayers: number): string[] {
  return Array.from({ length: numLayers + 1 }, (_, l) => streamBefore(l));
}

/**
 * What every layer would predict after token `position`.
 *
 * @param position row of ids; the last one by default
 */
export async function logitLens(
  model: Model,
  ids: readonly number[],
  options: { readonly position?: number; readonly top?: number; readonly targetId?: number } = {},
): Promise<LensRow[]> {
  const { position = ids.length - 1, top = 5, targetId } = options;
  if (!(position >= 0 && position < ids.length)) {
    throw new RangeError(`position: expected 0 to ${ids.length - 1}, got ${position}`);
  }
  const { hiddenSize, numLayers, vocabSize } = model.config;
  const names = streamPoints(numLayers);
  const cache = await runWithCache(model, ids, names);
  const rows = new Float64Array(names.length * hiddenSize);
  for (const [n, name] of names.entries()) {
    const { values } = activation(cache, name);
    rows.set(values.subarray(position * hiddenSize, (position + 1) * hiddenSize), n * hiddenSize);
  }
  const logits = await unembed(model, rows);
  return names.map((_, n) => ({
    layer: n - 1,
    top: logprobsOf(logits.subarray(n * vocabSize, (n + 1) * vocabSize), 0, top).top,
    ...(targetId === undefined ? {} : { targetLogprob: logprobOf(logits, n, targetId, vocabSize) }),
  }));
}

/** Lengths (L2) of a point's rows: how the residual stream grows from layer to layer. */
export function rowNorms(cache: ActivationCache, name: string): Float64Array {
  const { values, shape } = activation(cache, name);
  const size = values.length / shape[0];
  return Float64Array.from({ length: shape[0] }, (_, t) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += values[t * size + i] ** 2;
    return Math.sqrt(sum);
  });
}
