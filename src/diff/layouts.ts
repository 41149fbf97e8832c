// Numbers that are right but stand in another place: the orders in which heads are put together, and the order that
// turns what was expected into what was observed.

import type { Estimate } from './bounds.ts';
import { type Observed, ratioAt } from './fit.ts';

export interface HeadPermutation {
  readonly detail: string;
  /** x [numRows, numHeads, headDim] as the faulty program has it. */
  readonly permuted: (x: Float64Array, numRows: number, numHeads: number) => Float64Array;
}

/** Ways in which heads are merged wrongly. */
export function headPermutations(headDim: number): HeadPermutation[] {
  const from = (
    at: (i: number, numRows: number, numHeads: number) => number,
  ): HeadPermutation['permuted'] => {
    return (x, numRows, numHeads) => x.map((_, i) => x[at(i, numRows, numHeads)]);
  };
  return [
    {
      detail: 'heads are not transposed back before they are joined',
      // Values stand [numHeads, numRows, headDim]; element i of that order is read as element i of rows.
      permuted: from((i, numRows, numHeads) => {
        const [h, rest] = [Math.floor(i / (numRows * headDim)), i % (numRows * headDim)];
        const [t, d] = [Math.floor(rest / headDim), rest % headDim];
        return (t * numHeads + h) * headDim + d;
      }),
    },
    {
      detail: 'heads are joined as (headDim, heads)',
      permuted: from((i, _, numHeads) => {
        const size = numHeads * headDim;
        const [d, h] = [Math.floor((i % size) / numHeads), i % numHeads];
        return i - (i % size) + h * headDim + d;
      }),
    },
    {
      detail: 'heads are joined in reverse order',
      permuted: from((i, _, numHeads) => {
        const size = numHeads * headDim;
        const h = Math.floor((i % size) / headDim);
        return i - (i % size) + (numHeads - 1 - h) * headDim + (i % headDim);
      }),
    },
  ];
}

/**
 * For each row of what was observed the row that was expected there instead, where every row has one and
 * they are not
 * the same; undefined otherwise.
 */
export function solveRows(observed: Observed, expected: Estimate, numRows: number): number[] | undefined {
  const size = observed.values.length / numRows;
  const rows: number[] = [];
  for (let t = 0; t < numRows; t++) {
    const candidates = [t - 1, t + 1, 0, t, ...Array.from({ length: numRows }, (_, s) => s)];
    const found = candidates.find((s) => s >= 0 && s < numRows && isRow(observed, expected, t, s, size));
    if (found === undefined) return undefined;
    rows.push(found);
  }
  return rows.every((s, t) => s === t) ? undefined : rows;
}

function isRow(observed: Observed, expected: Estimate, t: number, s: number, size: number): boolean {
  for (let i = 0; i < size; i++) {
    if (observed.known && !observed.known[t * size + i]) continue;
    const off = Math.abs(observed.values[t * size + i] - expected.values[s * size + i]);
    const slack = (expected.slack?.[s * size + i] ?? 0) + observed.resolution;
    if (!(off <= slack)) return false;
  }
  return true;
}

/**
 * For each column of what was observed the column that was expected there instead, where every column has one and
 * they are not the same. Columns are looked up by their value in the first row and checked in all.
 */
export function solveColumns(observed: Observed, expected: Estimate, numRows: number): number[] | undefined {
  if (observed.known) return undefined;
  const size = observed.values.length / numRows;
  const order = Array.from({ length: size }, (_, c) => c).sort(
    (a, b) => expected.values[a] - expected.values[b],
  );
  const sorted = order.map((c) => expected.values[c]);
  const columns: number[] = [];
  for (let c = 0; c < size; c++) {
    const fits = (from: number) => {
      for (let t = 0; t < numRows; t++) {
        const shifted = { values: expected.values.subarray(t * size + from, t * size + from + 1) };
        const slack = expected.slack?.subarray(t * size + from, t * size + from + 1);
        const one = {
          values: observed.values.subarray(t * size + c, t * size + c + 1),
          resolution: observed.resolution,
        };
        if (!(ratioAt(one, { ...shifted, slack }, 0) <= 1)) return false;
      }
      return true;
    };
    const found = fits(c) ? c : nearby(sorted, order, observed.values[c]).find(fits);
    if (found === undefined) return undefined;
    columns.push(found);
  }
  return columns.every((from, c) => from === c) ? undefined : columns;
}

/** Columns whose first value is among the nearest to `value`. */
function nearby(sorted: readonly number[], order: readonly number[], value: number): number[] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return order.slice(Math.max(0, low - 4), low + 4);
}

/** A permutation in words: a shift, an exchange, or its first places. */
export function describeOrder(from: readonly number[], what: string): string {
  const shift = from[1] - 1;
  if (
    from.every(
      (s, t) =>
        s === t + shift || s === Math.max(0, t + shift) || s === (t + shift + from.length) % from.length,
    )
  ) {
    const where = shift < 0 ? `${-shift} before` : `${shift} behind`;
    return `${what} are shifted by ${-shift}: each holds what belongs ${where}`;
  }
  const moved = from.flatMap((s, t) => (s === t ? [] : [`${t} holds ${s}`]));
  return `${what} in another order: ${moved.slice(0, 6).join(', ')}${moved.length > 6 ? ', …' : ''}`;
}
