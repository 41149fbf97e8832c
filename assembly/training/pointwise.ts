// What training does value by value, and to rows of the embedding. Mirrors: swigluBackward of
// src/reference/swiglu.ts, embed.ts. No order of sums, except embedBackward's: rows ascending.

import { Worker } from '../memory';
import { exp4, one4 } from '../simd';
import { arrive, claim } from '../team';

/** Values claimed at a time. */
const PIECE: i32 = 1024;

/** dGate, dUp [length] of dOut, gate and up. */
export function swigluBackward(
  me: Worker,
  dGate: usize,
  dUp: usize,
  dOut: usize,
  gate: usize,
  up: usize,
  length: i32,
): void {
  const pieces = (length + PIECE - 1) / PIECE;
  for (let begin = claim(me, pieces); begin < pieces; begin = claim(me, pieces)) {
    let i = (<usize>(begin * PIECE)) << 2;
    const end = (<usize>min((begin + me.held) * PIECE, length)) << 2;
    for (; i + 16 <= end; i += 16) {
      const g = v128.load(gate + i);
      const d = v128.load(dOut + i);
      const sigma = sigmoid4(g);
      v128.store(dUp + i, f32x4.mul(d, f32x4.mul(g, sigma)));
      v128.store(dGate + i, f32x4.mul(f32x4.mul(d, v128.load(up + i)), slope4(g, sigma)));
    }
    for (; i < end; i += 4) {
      const g = v128.load32_splat(gate + i);
      const d = v128.load32_splat(dOut + i);
      const sigma = sigmoid4(g);
      v128.store_lane<f32>(dUp + i, f32x4.mul(d, f32x4.mul(g, sigma)), 0);
      v128.store_lane<f32>(
        dGate + i,
        f32x4.mul(f32x4.mul(d, v128.load32_splat(up + i)), slope4(g, sigma)),
        0,
      );
    }
  }
  arrive(me);
}

/** 1 / (1 + e^-x) */
@inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(one4(), f32x4.add(one4(), exp4(f32x4.neg(x))));
}

/** σ · (1 + x · (1 - σ)): the slope of silu. */
@inline
function slope4(x: v128, sigma: v128): v128 {
  return f32x4.mul(sigma, f32x4.add(one4(), f32x4.mul(x, f32x4.sub(one4(), sigma))));
}

/** x [length] *= factor */
export function scale(me: Worker, x: usize, factor: f32, length: i32): void {
  const pieces = (length + PIECE - 1) / PIECE;
  const factor4 = f32x4.splat(factor);
  for (let begin = claim(me, pieces); begin < pieces; begin = claim(me, pieces)) {
    let i = (<usize>(begin * PIECE)) << 2;
    const end = (<usize>min((begin + me.held) * PIECE, length)) << 2;
    for (; i + 16 <= end; i += 16) v128.store(x + i, f32x4.mul(v128.load(x + i), factor4));
    for (; i < end; i += 4) store<f32>(x + i, load<f32>(x + i) * factor);
  }
  arrive(me);
}

/** out [length] = x, or zeros where the address of x is 0. */
export function copy(me: Worker, out: usize, x: usize, length: i32): void {
  const pieces = (length + PIECE - 1) / PIECE;
  for (let begin = claim(me, pieces); begin < pieces; begin = claim(me, pieces)) {
    const at = (<usize>(begin * PIECE)) << 2;
    const bytes = ((<usize>min((begin + me.held) * PIECE, length)) << 2) - at;
    if (x == 0) memory.fill(out + at, 0, bytes);
    else memory.copy(out + at, x + at, bytes);
  }
  arrive(me);
}

/** out [rows, size] = rows `ids` [rows] i32 of table. */
export function embed(me: Worker, out: usize, table: usize, ids: usize, rows: i32, size: i32): void {
  const rowBytes = (<usize>size) << 2;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      const id = <usize>load<i32>(ids + ((<usize>t) << 2));
      memory.copy(out + <usize>t * rowBytes, table + id * rowBytes, rowBytes);
    }
  }
  arrive(me);
}

/** Columns of the embedding that one unit of work owns. */
const COLUMNS: i32 = 16;

/** dTable[ids[t]] += dOut[t], t ascending: a worker owns columns, so that no two write to one place. */
export function embedBackward(
  me: Worker,
  dTable: usize,
  dOut: usize,
  ids: usize,
  rows: i32,
  size: i32,
): void {
  const rowBytes = (<usize>size) << 2;
  const units = (size + COLUMNS - 1) / COLUMNS;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    const first = (<usize>(begin * COLUMNS)) << 2;
    const last = min((<usize>((begin + me.held) * COLUMNS)) << 2, rowBytes);
    for (let t = 0; t < rows; t++) {
      const to = dTable + <usize>load<i32>(ids + ((<usize>t) << 2)) * rowBytes;
      const from = dOut + <usize>t * rowBytes;
      let i = first;
      for (; i + 16 <= last; i += 16) v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(from + i)));
      for (; i < last; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(from + i));
    }
  }
  arrive(me);
}
