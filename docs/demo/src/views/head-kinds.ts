// Kinds of heads, told by where they look; the same four as headScores of smollm2/inspect, from weights that are here.

import type { AttentionPicture } from '../engine/protocol.ts';

export const HEAD_KINDS = ['previous', 'first', 'duplicate', 'induction'] as const;
export type HeadKind = (typeof HEAD_KINDS)[number];

/** Weights of token `query` over the tokens up to it, 0 to 1. */
export function rowOf({ weights }: AttentionPicture, layer: number, head: number, query: number): number[] {
  const triangle = weights[layer][head];
  const from = (query * (query + 1)) / 2;
  return Array.from({ length: query + 1 }, (_, p) => triangle[from + p] / 1000);
}

/** Mean weight of each head on the tokens that the kind looks at; 0 where the text has none of them. */
export function headKinds(
  picture: AttentionPicture,
  ids: readonly number[],
  kind: HeadKind,
): { layer: number; head: number; score: number }[] {
  const targets = ids.map((id, t) => {
    if (kind === 'previous') return [t - 1];
    if (kind === 'first') return [0];
    const earlier = ids.flatMap((other, p) => (p < t && other === id ? [p] : []));
    return kind === 'duplicate' ? earlier : earlier.map((p) => p + 1);
  });
  const used = targets.flatMap((list, t) => (t > 0 && list.length > 0 ? [t] : []));
  return picture.weights.flatMap((heads, layer) =>
    heads.map((_, head) => {
      let sum = 0;
      for (const t of used) {
        const row = rowOf(picture, layer, head, t);
        for (const p of targets[t]) sum += row[p] ?? 0;
      }
      return { layer, head, score: used.length === 0 ? 0 : sum / used.length };
    }),
  );
}
