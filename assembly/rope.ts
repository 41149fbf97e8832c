// Rotary position embedding: halves of a head turn together. Mirror: src/reference/rope.ts. No sums.

import { checkValues, checkWorker } from './checks';
import { RopeTable, RowPlace, Worker } from './memory';
import { arrive, claim } from './team';

/** Cosines of position pos; the sines follow halfDim values later. */
@inline
export function cosinesAt(table: RopeTable, pos: i32): usize {
  return table.rows + <usize>pos * ((<usize>table.halfDim) << 3);
}

/** First half of the rotated pair. */
@inline
export function rotatedFirst(first: v128, second: v128, cos: v128, sin: v128): v128 {
  return f32x4.sub(f32x4.mul(first, cos), f32x4.mul(second, sin));
}

/** Second half of the rotated pair. */
@inline
export function rotatedSecond(first: v128, second: v128, cos: v128, sin: v128): v128 {
  return f32x4.add(f32x4.mul(second, cos), f32x4.mul(first, sin));
}

/** x [rows, numHeads, 2 · halfDim] in place; rows stand at their places. */
export function rope(me: Worker, x: usize, table: RopeTable, numHeads: i32, rows: i32): void {
  if (!ASC_NO_ASSERT) {
    checkWorker(me, rows);
    checkValues(x, rows * numHeads * 2 * table.halfDim);
  }
  const half = (<usize>table.halfDim) << 2;
  const places = me.places;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      const cosines = cosinesAt(table, changetype<RowPlace>(places + <usize>t * offsetof<RowPlace>()).pos);
      for (let h = 0; h < numHeads; h++) rotate(x + <usize>(t * numHeads + h) * 2 * half, half, cosines);
    }
  }
  arrive(me);
}

function rotate(head: usize, half: usize, cosines: usize): void {
  let i: usize = 0;
  for (; i + 16 <= half; i += 16) {
    const first = v128.load(head + i);
    const second = v128.load(head + half + i);
    const cos = v128.load(cosines + i);
    const sin = v128.load(cosines + half + i);
    v128.store(head + i, rotatedFirst(first, second, cos, sin));
    v128.store(head + half + i, rotatedSecond(first, second, cos, sin));
  }
  for (; i < half; i += 4) {
    const first = load<f32>(head + i);
    const second = load<f32>(head + half + i);
    const cos = load<f32>(cosines + i);
    const sin = load<f32>(cosines + half + i);
    store<f32>(head + i, first * cos - second * sin);
    store<f32>(head + half + i, second * cos + first * sin);
  }
}
