// Many rows of activations times a group of 8 weight rows: the group is unpacked once to a panel in the first-level
// cache, then meets one tile of rows after another. Per row the arithmetic is that of the one-row kernels
// (linear-q4.ts, linear-q8.ts), so prefill and decode agree in every bit.
//
//   panel, per block:   8 × f32 d │ 8 × f32 m │ per pair of columns { rows 0-3: 16 bytes │ rows 4-7: 16 bytes }
//   tile, per pair of columns:   fast: 4 rows × 4 bytes;  precise: 2 rows × { high pair, low pair }
//
// Registers: 8 weight rows × 4 columns of a tile = 8 vectors of exact sums; the sums over blocks live in `out`.

import { addFast, addPrecise, highUnit, narrow } from './blocks';
import { dotPairs, upper } from './simd';

/** sums [4 columns of the tile][8 rows] of one block, left in `whole` (128 bytes). */
@inline
function addFastAt(out: usize, whole: v128, panel: usize, scales: usize): void {
  const xScale = v128.load32_splat(scales);
  const xSum = v128.load32_splat(scales, 16);
  v128.store(out, addFast(v128.load(out), whole, v128.load(panel), v128.load(panel, 32), xScale, xSum));
}

/** out [4 rows of x][8] = tile · panel, fast form. */
export function tileFast(
  out: usize,
  panel: usize,
  numBlocks: i32,
  pairBytes: usize,
  ints: usize,
  scales: usize,
): void {
  for (let i: usize = 0; i < 128; i += 16) v128.store(out + i, f32x4.splat(0));
  for (let b = 0; b < numBlocks; b++, scales += 32) {
    const block = panel;
    panel += 64;
    let x0low = i32x4.splat(0);
    let x0high = x0low;
    let x1low = x0low;
    let x1high = x0low;
    let x2low = x0low;
    let x2high = x0low;
    let x3low = x0low;
    let x3high = x0low;
    for (let end = panel + pairBytes; panel < end; panel += 32, ints += 16) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      let x = v128.load32_splat(ints);
      x0low = dotPairs(w0, x, x0low);
      x0high = dotPairs(w1, x, x0high);
      x = v128.load32_splat(ints, 4);
      x1low = dotPairs(w0, x, x1low);
      x1high = dotPairs(w1, x, x1high);
      x = v128.load32_splat(ints, 8);
      x2low = dotPairs(w0, x, x2low);
      x2high = dotPairs(w1, x, x2high);
      x = v128.load32_splat(ints, 12);
      x3low = dotPairs(w0, x, x3low);
      x3high = dotPairs(w1, x, x3high);
    }
    addFastAt(out, x0low, block, scales);
    addFastAt(out + 16, x0high, block + 16, scales);
    addFastAt(out + 32, x1low, block, scales + 4);
    addFastAt(out + 48, x1high, block + 16, scales + 4);
    addFastAt(out + 64, x2low, block, scales + 8);
    addFastAt(out + 80, x2high, block + 16, scales + 8);
    addFastAt(out + 96, x3low, block, scales + 12);
    addFastAt(out + 112, x3high, block + 16, scales + 12);
  }
}

/** Four weight rows of one row of x: two vectors of float64 sums at `sums`. */
@inline
function addPreciseAt(sums: usize, high: v128, low: v128, panel: usize, scales: usize): void {
  const unit = highUnit();
  const xScale = v128.load64_splat(scales);
  const xSum = v128.load64_splat(scales, 16);
  const d = v128.load(panel);
  const m = v128.load(panel, 32);
  v128.store(sums, addPrecise(v128.load(sums), high, low, d, m, xScale, xSum, unit));
  const next = addPrecise(
    v128.load(sums, 16),
    upper(high),
    upper(low),
    upper(d),
    upper(m),
    xScale,
    xSum,
    unit,
  );
  v128.store(sums, next, 16);
}

/** out [2 rows of x][8] = tile · panel, precise form. `out` has 64 bytes for results, then 128 for float64 sums. */
export function tilePrecise(
  out: usize,
  panel: usize,
  numBlocks: i32,
  pairBytes: usize,
  ints: usize,
  scales: usize,
): void {
  const sums = out + 64;
  for (let i: usize = 0; i < 128; i += 16) v128.store(sums + i, f64x2.splat(0));
  for (let b = 0; b < numBlocks; b++, scales += 32) {
    const block = panel;
    panel += 64;
    let x0high0 = i32x4.splat(0);
    let x0high1 = x0high0;
    let x0low0 = x0high0;
    let x0low1 = x0high0;
    let x1high0 = x0high0;
    let x1high1 = x0high0;
    let x1low0 = x0high0;
    let x1low1 = x0high0;
    for (let end = panel + pairBytes; panel < end; panel += 32, ints += 16) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      let x = v128.load32_splat(ints);
      x0high0 = dotPairs(w0, x, x0high0);
      x0high1 = dotPairs(w1, x, x0high1);
      x = v128.load32_splat(ints, 4);
      x0low0 = dotPairs(w0, x, x0low0);
      x0low1 = dotPairs(w1, x, x0low1);
      x = v128.load32_splat(ints, 8);
      x1high0 = dotPairs(w0, x, x1high0);
      x1high1 = dotPairs(w1, x, x1high1);
      x = v128.load32_splat(ints, 12);
      x1low0 = dotPairs(w0, x, x1low0);
      x1low1 = dotPairs(w1, x, x1low1);
    }
    addPreciseAt(sums, x0high0, x0low0, block, scales);
    addPreciseAt(sums + 32, x0high1, x0low1, block + 16, scales);
    addPreciseAt(sums + 64, x1high0, x1low0, block, scales + 8);
    addPreciseAt(sums + 96, x1high1, x1low1, block + 16, scales + 8);
  }
  for (let i: usize = 0; i < 4; i++) {
    v128.store(out + i * 16, narrow(v128.load(sums + i * 32), v128.load(sums + i * 32, 16)));
  }
}
