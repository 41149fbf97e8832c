// The gradient of root-mean-square normalisation. Mirror: src/reference/rmsnorm.ts (rmsNormBackward); the forward is
// ../rmsnorm.ts. Sums of a row: in float64, i ascending. dWeight: in float64, rows ascending, one worker a column.

import { narrow } from '../blocks';
import { Worker } from '../memory';
import { arrive, claim } from '../team';

/**
 * dX [rows, size] (+)= and dWeight [size] +=, each where its address is not 0.
 *
 * @param scales [rows] f64, scratch of the team: 1 / sqrt(mean square + eps) of each row
 */
export function rmsNormBackward(
  me: Worker,
  dX: usize,
  dWeight: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  scales: usize,
  rows: i32,
  size: i32,
  eps: f64,
  adds: bool,
): void {
  const rowBytes = (<usize>size) << 2;
  const sums = me.tile;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t += 2) {
      const at = <usize>t * rowBytes;
      const count = min(2, end - t);
      sumPair(sums, dOut + at, x + at, weight, rowBytes, count == 2 ? rowBytes : 0);
      for (let i = 0; i < count; i++) {
        const row = at + <usize>i * rowBytes;
        const squares = load<f64>(sums + ((<usize>i) << 3));
        const gradientDotX = load<f64>(sums + ((<usize>i) << 3), 16);
        const scale = 1.0 / sqrt<f64>(squares / <f64>size + eps);
        store<f64>(scales + ((<usize>(t + i)) << 3), scale);
        if (dX == 0) continue;
        const pull = <f32>(((scale * scale * scale) / <f64>size) * gradientDotX);
        rowBackward(dX + row, dOut + row, x + row, weight, rowBytes, <f32>scale, pull, adds);
      }
    }
  }
  arrive(me);
  if (dWeight != 0) weightBackward(me, dWeight, dOut, x, scales, rows, size);
}

/**
 * sums [4] f64: Σ x² of a row and of the one `other` bytes behind it, then Σ dOut · weight · x of both. Two rows share
 * a vector: within a row every step waits for the one before.
 */
function sumPair(sums: usize, dOut: usize, x: usize, weight: usize, rowBytes: usize, other: usize): void {
  let squares = f64x2.splat(0);
  let products = squares;
  for (let i: usize = 0; i < rowBytes; i += 4) {
    const value = pair(x + i, other);
    squares = f64x2.add(squares, f64x2.mul(value, value));
    const slope = f64x2.mul(pair(dOut + i, other), f64x2.promote_low_f32x4(v128.load32_splat(weight + i)));
    products = f64x2.add(products, f64x2.mul(slope, value));
  }
  v128.store(sums, squares);
  v128.store(sums, products, 16);
}

/** The values at ptr and `other` bytes behind it, in float64. */
@inline
function pair(ptr: usize, other: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load_lane<f32>(ptr + other, v128.load32_splat(ptr), 1));
}

/** dX (+)= scale · dOut ∘ weight - pull · x */
function rowBackward(
  dX: usize,
  dOut: usize,
  x: usize,
  weight: usize,
  rowBytes: usize,
  scale: f32,
  pull: f32,
  adds: bool,
): void {
  const pull4 = f32x4.splat(pull);
  const scale4 = f32x4.splat(scale);
  let i: usize = 0;
  for (; i + 16 <= rowBytes; i += 16) {
    const push = f32x4.mul(f32x4.mul(v128.load(dOut + i), v128.load(weight + i)), scale4);
    const sum = f32x4.sub(push, f32x4.mul(v128.load(x + i), pull4));
    v128.store(dX + i, adds ? f32x4.add(v128.load(dX + i), sum) : sum);
  }
  for (; i < rowBytes; i += 4) {
    const sum = load<f32>(dOut + i) * load<f32>(weight + i) * scale - load<f32>(x + i) * pull;
    store<f32>(dX + i, adds ? load<f32>(dX + i) + sum : sum);
  }
}

/** Columns of dWeight that one unit of work owns: a cache line of every row. */
const COLUMNS: i32 = 16;

function weightBackward(
  me: Worker,
  dWeight: usize,
  dOut: usize,
  x: usize,
  scales: usize,
  rows: i32,
  size: i32,
): void {
  const rowBytes = (<usize>size) << 2;
  const units = (size + COLUMNS - 1) / COLUMNS;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    let at = (<usize>(begin * COLUMNS)) << 2;
    const end = (<usize>min((begin + me.held) * COLUMNS, size)) << 2;
    for (; at + 32 <= end; at += 32) eightColumns(dWeight + at, dOut + at, x + at, scales, rows, rowBytes);
    for (; at < end; at += 4) oneColumn(dWeight + at, dOut + at, x + at, scales, rows, rowBytes);
  }
  arrive(me);
}

function eightColumns(out: usize, dOut: usize, x: usize, scales: usize, rows: i32, rowBytes: usize): void {
  let sum01 = f64x2.splat(0);
  let sum23 = sum01;
  let sum45 = sum01;
  let sum67 = sum01;
  for (
    const end = scales + ((<usize>rows) << 3);
    scales < end;
    scales += 8, dOut += rowBytes, x += rowBytes
  ) {
    const scale = v128.load64_splat(scales);
    sum01 = f64x2.add(sum01, f64x2.mul(f64x2.mul(twoAt(dOut), twoAt(x)), scale));
    sum23 = f64x2.add(sum23, f64x2.mul(f64x2.mul(twoAt(dOut + 8), twoAt(x + 8)), scale));
    sum45 = f64x2.add(sum45, f64x2.mul(f64x2.mul(twoAt(dOut + 16), twoAt(x + 16)), scale));
    sum67 = f64x2.add(sum67, f64x2.mul(f64x2.mul(twoAt(dOut + 24), twoAt(x + 24)), scale));
  }
  v128.store(out, f32x4.add(v128.load(out), narrow(sum01, sum23)));
  v128.store(out, f32x4.add(v128.load(out, 16), narrow(sum45, sum67)), 16);
}

/** Two neighbours in float64. */
@inline
function twoAt(ptr: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(ptr));
}

function oneColumn(out: usize, dOut: usize, x: usize, scales: usize, rows: i32, rowBytes: usize): void {
  let sum: f64 = 0;
  for (
    const end = scales + ((<usize>rows) << 3);
    scales < end;
    scales += 8, dOut += rowBytes, x += rowBytes
  ) {
    sum += <f64>load<f32>(dOut) * <f64>load<f32>(x) * load<f64>(scales);
  }
  store<f32>(out, load<f32>(out) + <f32>sum);
}
