// Up to four rows of activations times a group of 8 rows of f32, f16 or bf16 weights. Mirror: src/reference/linear.ts.
// Order: columns of a block of 32 in f32, one after another; blocks in float64. inSize may be any number.
//
//   group: per column, the values of 8 weight rows (32 bytes; 16 in f16 and bf16)

import { narrow } from './blocks';
import { f32At } from './linear-q4';
import { F16, F32 } from './memory';
import { eightBytes, panelOf8 } from './panel';
import { upper } from './simd';

const BLOCK: i32 = 32;

/**
 * out [rows][8] = x [rows][inSize] · group, rows 1 to 4, row stride of x in bytes. `out` has 128 bytes for results,
 * then 128 for a block's sums and 256 for float64 sums.
 */
export function dense(
  kind: i32,
  out: usize,
  rows: i32,
  x: usize,
  xStride: usize,
  group: usize,
  inSize: i32,
): void {
  const block = out + 128;
  const sums = out + 256;
  const blockBytes = <usize>BLOCK * eightBytes(kind);
  for (let i: usize = 0; i < <usize>rows * 64; i += 16) v128.store(sums + i, f64x2.splat(0));
  for (let i = 0; i < inSize; i += BLOCK, x += 4 * BLOCK, group += blockBytes) {
    panelOf8(kind, rows, block, 32, x, xStride, group, min(BLOCK, inSize - i));
    for (let v: usize = 0; v < <usize>rows * 32; v += 16) {
      const four = v128.load(block + v);
      const at = sums + 2 * v;
      v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(four)));
      v128.store(at, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(upper(four))), 16);
    }
  }
  for (let v: usize = 0; v < <usize>rows * 32; v += 16) {
    v128.store(out + v, narrow(v128.load(sums + 2 * v), v128.load(sums + 2 * v, 16)));
  }
}

/** out [inSize] = row `row` (0 to 7) of the group. */
export function denseRow(kind: i32, out: usize, inSize: i32, group: usize, row: usize): void {
  const bytes = eightBytes(kind);
  for (let end = out + ((<usize>inSize) << 2); out < end; out += 4, group += bytes) {
    if (kind == F32) store<f32>(out, load<f32>(group + row * 4));
    else if (kind == F16) store<f32>(out, f32At(false, group, row));
    else store<u32>(out, (<u32>load<u16>(group + row * 2)) << 16);
  }
}
