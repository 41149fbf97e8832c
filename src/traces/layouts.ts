// Shapes: which of a foreign tensor's axes are tokens, heads and channels, and its values in the order of
// points.ts.

import type { RawTensor } from './raw-trace.ts';

/** A point's values in canonical order. */
export interface PlacedValues {
  readonly values: Float64Array;
  /** 1 where the value was traced; absent when all were. */
  readonly known?: Uint8Array;
  /** How the foreign axes stood, for the report; empty when they stood as expected. */
  readonly layout: string;
}

/**
 * Orders in which programs keep [rows, heads, channels]: as here, heads first (PyTorch's attention), rows
 * last (column-major dumps). Two axes only: as here and transposed.
 */
const ORDERS: Readonly<Record<number, readonly (readonly number[])[]>> = {
  2: [
    [0, 1],
    [1, 0],
  ],
  3: [
    [0, 1, 2],
    [1, 0, 2],
    [1, 2, 0],
  ],
};

/**
 * Values in the canonical order of `axes`, or undefined when the shape fits no order. Where several fit (as
 * many rows as heads), the preferred order is taken unless another is much nearer to the reference.
 *
 * @param axes      canonical sizes, two or three
 * @param preferred which of the orders is the convention of this program and point
 */
export function placed(
  raw: RawTensor,
  axes: readonly number[],
  preferred: number,
  reference?: Float64Array,
): PlacedValues | undefined {
  const orders = ORDERS[axes.length];
  const fitting = orders.filter((order) =>
    isGrouping(
      raw.shape,
      order.map((axis) => axes[axis]),
    ),
  );
  if (fitting.length === 0) return lastRows(raw, axes);
  const convention = fitting.includes(orders[preferred]) ? orders[preferred] : fitting[0];
  let best = {
    ...reorder(raw, axes, convention),
    ...(convention === orders[preferred] ? { layout: '' } : {}),
  };
  if (reference) {
    for (const order of fitting.filter((other) => other !== convention)) {
      const other = reorder(raw, axes, order);
      if (4 * distance(other, reference) < distance(best, reference)) best = other;
    }
  }
  return best;
}

/** Whether dims, without axes of one, are the sizes with some neighbours merged. */
function isGrouping(dims: readonly number[], sizes: readonly number[]): boolean {
  const left = dims.filter((size) => size !== 1);
  const right = sizes.filter((size) => size !== 1);
  let at = 0;
  for (const dim of left) {
    let product = 1;
    while (product < dim && at < right.length) product *= right[at++];
    if (product !== dim) return false;
  }
  return at === right.length;
}

function reorder(raw: RawTensor, axes: readonly number[], order: readonly number[]): PlacedValues {
  const isCanonical = order.every((axis, at) => axis === at);
  const layout = isCanonical ? '' : `axes ${order.join(', ')}`;
  if (isCanonical) return { values: raw.values, known: raw.known, layout };
  const strides = new Array<number>(axes.length).fill(1);
  let stride = 1;
  for (let at = order.length - 1; at >= 0; at--) {
    strides[order[at]] = stride;
    stride *= axes[order[at]];
  }
  const values = new Float64Array(raw.values.length);
  const known = raw.known && new Uint8Array(raw.values.length);
  for (let at = 0; at < values.length; at++) {
    let from = 0;
    let rest = at;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += (rest % axes[axis]) * strides[axis];
      rest = Math.floor(rest / axes[axis]);
    }
    values[at] = raw.values[from];
    if (known && raw.known) known[at] = raw.known[from];
  }
  return { values, known, layout };
}

/** A program that computes only its last rows after some layer (llama.cpp): they stand at the end. */
function lastRows(raw: RawTensor, axes: readonly number[]): PlacedValues | undefined {
  const rowSize = axes.slice(1).reduce((product, size) => product * size, 1);
  const numRows = raw.values.length / rowSize;
  const fits = isGrouping(raw.shape, [numRows, ...axes.slice(1)]);
  if (!Number.isInteger(numRows) || numRows >= axes[0] || !fits) return undefined;
  const begin = (axes[0] - numRows) * rowSize;
  const values = new Float64Array(axes[0] * rowSize);
  const known = new Uint8Array(values.length);
  values.set(raw.values, begin);
  if (raw.known) known.set(raw.known, begin);
  else known.fill(1, begin);
  return { values, known, layout: `last ${numRows} of ${axes[0]} rows` };
}

/** Share of the reference's energy that the known values miss. */
export function distance(
  placedValues: Pick<PlacedValues, 'values' | 'known'>,
  reference: Float64Array,
): number {
  let missed = 0;
  let energy = 0;
  for (let i = 0; i < reference.length; i++) {
    if (placedValues.known && !placedValues.known[i]) continue;
    missed += (placedValues.values[i] - reference[i]) ** 2;
    energy += reference[i] ** 2;
  }
  return Number.isNaN(missed) ? Number.POSITIVE_INFINITY : missed / Math.max(energy, Number.MIN_VALUE);
}

/** Heads from the interleaved order of Llama-type GGUF files (0, 2, 4, … | 1, 3, 5, …) to halves. */
export function unpermutedHeads(point: PlacedValues, headDim: number): PlacedValues {
  const half = headDim / 2;
  const from = (at: number) => {
    const inHead = at % headDim;
    return at - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
  };
  return {
    values: point.values.map((_, at) => point.values[from(at)]),
    known: point.known?.map((_, at) => point.known?.[from(at)] ?? 0),
    layout: [point.layout, 'interleaved heads'].filter(Boolean).join(', '),
  };
}
