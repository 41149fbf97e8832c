// Rows of a source, laid out for a pass: one behind the other, each document a sequence of its own.

import type { Batch } from './learner.ts';
import { IGNORED, type TrainingRow } from './window-source.ts';

/** Attention and positions begin anew with every row, and with every document where they are masked. */
export function batchOfRows(rows: readonly TrainingRow[]): Batch {
  const ids: number[] = [];
  const labels: number[] = [];
  const sequenceLengths: number[] = [];
  for (const row of rows) {
    ids.push(...row.ids);
    labels.push(...row.labels);
    let length = 0;
    for (let t = 0; t < row.ids.length; t++) {
      if (t > 0 && row.documentStarts[t] !== row.documentStarts[t - 1]) {
        sequenceLengths.push(length);
        length = 0;
      }
      length++;
    }
    sequenceLengths.push(length);
  }
  return { ids, labels, sequenceLengths };
}

export function countLabels(labels: ArrayLike<number>): number {
  let count = 0;
  for (let t = 0; t < labels.length; t++) if (labels[t] !== IGNORED) count++;
  return count;
}
