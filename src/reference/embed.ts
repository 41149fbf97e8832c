// Token ids to activations. Mirror: assembly/embed.ts.

import { type ReferenceMatrix, readRow } from './matrix.ts';

/**
 * Copies one row of the embedding table per token (HF `embed_tokens`).
 *
 *     out[t, i] = table[ids[t], i]
 *
 * @param out   [ids.length, hiddenSize]
 * @param table [vocabSize, hiddenSize]
 */
export function embed(out: Float64Array, table: ReferenceMatrix, ids: readonly number[]): void {
  for (let t = 0; t < ids.length; t++) {
    const row = out.subarray(t * table.inSize, (t + 1) * table.inSize);
    readRow(row, table, ids[t]);
  }
}

/** The gradient of `embed`: dTable[ids[t], i] += dOut[t, i]. */
export function embedBackward(dTable: Float64Array, dOut: Float64Array, ids: readonly number[]): void {
  const hiddenSize = dOut.length / ids.length;
  for (let t = 0; t < ids.length; t++) {
    for (let i = 0; i < hiddenSize; i++) dTable[ids[t] * hiddenSize + i] += dOut[t * hiddenSize + i];
  }
}
