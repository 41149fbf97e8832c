// What each head looks at: attention weights per layer and head, and scores that say which known kind of
// head it is.

import type { Model } from '../model/model.ts';
import { placeOf, pointName } from '../model/points.ts';
import { type ActivationCache, activation, runWithCache } from './hooks.ts';

const PROBS = 'self_attn.attn_probs';

/** A head by its place. */
export interface Head {
  readonly layer: number;
  readonly head: number;
}

export interface HeadScore extends Head {
  /** Mean attention on the positions that the kind of head looks at, 0 to 1. */
  readonly score: number;
}

/** Names of the points that hold attention weights (TransformerLens `hook_pattern`). */
export function patternPoints(numLayers: number): string[] {
  return Array.from({ length: numLayers }, (_, l) => pointName(l, PROBS));
}

/** Attention weights of one head, [rows, rows]: row t says where token t looks. */
export function attentionMap(cache: ActivationCache, { layer, head }: Head): Float64Array {
  const { values, shape } = activation(cache, pointName(layer, PROBS));
  const [numHeads, numRows] = shape;
  if (!(head >= 0 && head < numHeads))
    throw new RangeError(`head: expected 0 to ${numHeads - 1}, got ${head}`);
  const size = numRows * numRows;
  return Float64Array.from(values.subarray(head * size, (head + 1) * size));
}

/** Kinds of heads that can be told by where they look (TransformerLens `head_detector`). */
const HEAD_KINDS = {
  /** The token before. */
  'previous-token': (_ids: readonly number[], t: number) => [t - 1],
  /** Earlier occurrences of the same token. */
  'duplicate-token': (ids: readonly number[], t: number) => earlier(ids, t),
  /** What followed earlier occurrences of the same token (Olsson et al. 2022). */
  induction: (ids: readonly number[], t: number) => earlier(ids, t).map((p) => p + 1),
  /** The first position, where heads look that have nothing to do. */
  'first-token': () => [0],
} as const;

export type HeadKind = keyof typeof HEAD_KINDS;

function earlier(ids: readonly number[], t: number): number[] {
  return ids.flatMap((id, p) => (p < t && id === ids[t] ? [p] : []));
}

/**
 * How much each head behaves as a kind of head: its mean attention on the positions that the kind looks at,
 * over the tokens that have such positions. Best first.
 */
export function headScores(cache: ActivationCache, kind: HeadKind): HeadScore[] {
  const { ids } = cache;
  const targets = ids.map((_, t) => HEAD_KINDS[kind](ids, t).filter((p) => p >= 0 && p <= t));
  const used = targets.flatMap((list, t) => (t > 0 && list.length > 0 ? [t] : []));
  if (used.length === 0)
    throw new RangeError(`ids: expected tokens that a ${kind} head looks back to, got none`);
  const scores: HeadScore[] = [];
  for (const [name, { shape }] of cache.points) {
    const { layer, part } = placeOf(name);
    if (layer === undefined || part !== PROBS) continue;
    for (let head = 0; head < shape[0]; head++) {
      const map = attentionMap(cache, { layer, head });
      let sum = 0;
      for (const t of used) for (const p of targets[t]) sum += map[t * ids.length + p];
      scores.push({ layer, head, score: sum / used.length });
    }
  }
  return scores.sort((a, b) => b.score - a.score);
}

/** One pass that keeps the attention weights of every layer. */
export function runForAttention(model: Model, ids: readonly number[]): Promise<ActivationCache> {
  return runWithCache(model, ids, patternPoints(model.config.numLayers));
}
