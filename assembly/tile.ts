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
    // V8 can join a low half and its high half to one operation on 256 bits, where it may (Node's
    // --experimental-wasm-revectorize: 1.5 times as fast), but only in front of stores side by side, after all loads.
    // biome-ignore format: a line for what is loaded, or stored, together.
    {
      const d0 = v128.load(block), d1 = v128.load(block, 16), m0 = v128.load(block, 32), m1 = v128.load(block, 48);
      let xScale = v128.load32_splat(scales, 0), xSum = v128.load32_splat(scales, 16);
      x0low = addFast(v128.load(out, 0), x0low, d0, m0, xScale, xSum);
      x0high = addFast(v128.load(out, 16), x0high, d1, m1, xScale, xSum);
      xScale = v128.load32_splat(scales, 4); xSum = v128.load32_splat(scales, 20);
      x1low = addFast(v128.load(out, 32), x1low, d0, m0, xScale, xSum);
      x1high = addFast(v128.load(out, 48), x1high, d1, m1, xScale, xSum);
      xScale = v128.load32_splat(scales, 8); xSum = v128.load32_splat(scales, 24);
      x2low = addFast(v128.load(out, 64), x2low, d0, m0, xScale, xSum);
      x2high = addFast(v128.load(out, 80), x2high, d1, m1, xScale, xSum);
      xScale = v128.load32_splat(scales, 12); xSum = v128.load32_splat(scales, 28);
      x3low = addFast(v128.load(out, 96), x3low, d0, m0, xScale, xSum);
      x3high = addFast(v128.load(out, 112), x3high, d1, m1, xScale, xSum);
      v128.store(out, x0low, 0); v128.store(out, x0high, 16);
      v128.store(out, x1low, 32); v128.store(out, x1high, 48);
      v128.store(out, x2low, 64); v128.store(out, x2high, 80);
      v128.store(out, x3low, 96); v128.store(out, x3high, 112);
    }
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
