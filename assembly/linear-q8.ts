// One row of activations times a group of 8 rows of 8-bit weights: Q8_0, Q5_0 and IQ4_NL (one f16 scale for 32
// columns), and with wide scales (f32 scale and minimum for 16 columns) Q5_1 and the K types. Mirror:
// src/reference/linear.ts over src/quant. Order: exact whole sums in a block, blocks in the order of the columns.
//
//   record, 272 bytes:        8 × f16 d             │ 16 × { rows 0-3: 8 bytes │ rows 4-7: 8 bytes }
//   wide record, 192 bytes:   8 × f32 d │ 8 × f32 m │  8 × { rows 0-3: 8 bytes │ rows 4-7: 8 bytes }
//
// A pair of bytes is two neighbouring columns of one row. inSize % 32 == 0 (wide % 16).

import { addFast, addFastPlain, addPrecise, addPrecisePlain, highUnit, narrow } from './blocks';
import { f32At } from './linear-q4';
import { dotPairs, halves4, upper } from './simd';

@inline
function fast(wide: bool, out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  const bytes: usize = wide ? 64 : 16;
  const turns: usize = wide ? 2 : 4;
  const recordBytes: usize = bytes + turns * 64;
  let sums0 = f32x4.splat(0);
  let sums1 = sums0;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    let whole0 = i32x4.splat(0);
    let whole1 = whole0;
    for (let t: usize = 0; t < turns; t++) {
      const w = group + t * 64 + bytes;
      const xPtr = ints + t * 16;
      let x = v128.load32_splat(xPtr);
      whole0 = dotPairs(v128.load8x8_s(w), x, whole0);
      whole1 = dotPairs(v128.load8x8_s(w, 8), x, whole1);
      x = v128.load32_splat(xPtr, 4);
      whole0 = dotPairs(v128.load8x8_s(w, 16), x, whole0);
      whole1 = dotPairs(v128.load8x8_s(w, 24), x, whole1);
      x = v128.load32_splat(xPtr, 8);
      whole0 = dotPairs(v128.load8x8_s(w, 32), x, whole0);
      whole1 = dotPairs(v128.load8x8_s(w, 40), x, whole1);
      x = v128.load32_splat(xPtr, 12);
      whole0 = dotPairs(v128.load8x8_s(w, 48), x, whole0);
      whole1 = dotPairs(v128.load8x8_s(w, 56), x, whole1);
    }
    const xScale = v128.load32_splat(scales);
    if (wide) {
      const xSum = v128.load32_splat(scales, 16);
      sums0 = addFast(sums0, whole0, v128.load(group), v128.load(group, 32), xScale, xSum);
      sums1 = addFast(sums1, whole1, v128.load(group, 16), v128.load(group, 48), xScale, xSum);
    } else {
      sums0 = addFastPlain(sums0, whole0, halves4(group), xScale);
      sums1 = addFastPlain(sums1, whole1, halves4(group + 8), xScale);
    }
    ints += turns * 16;
    scales += 32;
  }
  v128.store(out, sums0);
  v128.store(out, sums1, 16);
}

@inline
function precise(wide: bool, out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  const bytes: usize = wide ? 64 : 16;
  const turns: usize = wide ? 4 : 8;
  const recordBytes: usize = bytes + turns * 32;
  const unit = highUnit();
  let sums01 = f64x2.splat(0);
  let sums23 = sums01;
  let sums45 = sums01;
  let sums67 = sums01;
  for (let end = group + <usize>numBlocks * recordBytes; group < end; group += recordBytes) {
    let high0 = i32x4.splat(0);
    let high1 = high0;
    let low0 = high0;
    let low1 = high0;
    for (let t: usize = 0; t < turns; t++) {
      const w = group + t * 32 + bytes;
      const x = ints + t * 16;
      let w0 = v128.load8x8_s(w);
      let w1 = v128.load8x8_s(w, 8);
      let h = v128.load32_splat(x);
      let l = v128.load32_splat(x, 4);
      high0 = dotPairs(w0, h, high0);
      high1 = dotPairs(w1, h, high1);
      low0 = dotPairs(w0, l, low0);
      low1 = dotPairs(w1, l, low1);
      w0 = v128.load8x8_s(w, 16);
      w1 = v128.load8x8_s(w, 24);
      h = v128.load32_splat(x, 8);
      l = v128.load32_splat(x, 12);
      high0 = dotPairs(w0, h, high0);
      high1 = dotPairs(w1, h, high1);
      low0 = dotPairs(w0, l, low0);
      low1 = dotPairs(w1, l, low1);
    }
    const xScale = v128.load64_splat(scales);
    if (wide) {
      const xSum = v128.load64_splat(scales, 16);
      let d = v128.load(group);
      let m = v128.load(group, 32);
      sums01 = addPrecise(sums01, high0, low0, d, m, xScale, xSum, unit);
      sums23 = addPrecise(sums23, upper(high0), upper(low0), upper(d), upper(m), xScale, xSum, unit);
      d = v128.load(group, 16);
      m = v128.load(group, 48);
      sums45 = addPrecise(sums45, high1, low1, d, m, xScale, xSum, unit);
      sums67 = addPrecise(sums67, upper(high1), upper(low1), upper(d), upper(m), xScale, xSum, unit);
    } else {
      let d = halves4(group);
      sums01 = addPrecisePlain(sums01, high0, low0, d, xScale, unit);
      sums23 = addPrecisePlain(sums23, upper(high0), upper(low0), upper(d), xScale, unit);
      d = halves4(group + 8);
      sums45 = addPrecisePlain(sums45, high1, low1, d, xScale, unit);
      sums67 = addPrecisePlain(sums67, upper(high1), upper(low1), upper(d), xScale, unit);
    }
    ints += turns * 16;
    scales += 32;
  }
  v128.store(out, narrow(sums01, sums23));
  v128.store(out, narrow(sums45, sums67), 16);
}

/** out [8] = row · group; the row in fast form, pair stride 4. */
export function q8Fast(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  fast(false, out, group, numBlocks, ints, scales);
}
export function q8WideFast(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  fast(true, out, group, numBlocks, ints, scales);
}
/** out [8] = row · group; the row in precise form, pair stride 8. */
export function q8Precise(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  precise(false, out, group, numBlocks, ints, scales);
}
export function q8WidePrecise(out: usize, group: usize, numBlocks: i32, ints: usize, scales: usize): void {
  precise(true, out, group, numBlocks, ints, scales);
}

/** A group as a panel of tile.ts: blocks of 32, wide 16. */
export function q8Unpack(wide: bool, panel: usize, group: usize, numBlocks: i32): void {
  const bytes: usize = wide ? 64 : 16;
  const pairBytes: usize = wide ? 128 : 256;
  for (let b = 0; b < numBlocks; b++, group += bytes + pairBytes, panel += 64 + 2 * pairBytes) {
    if (wide) {
      for (let i: usize = 0; i < 64; i += 16) v128.store(panel + i, v128.load(group + i));
    } else {
      v128.store(panel, halves4(group));
      v128.store(panel, halves4(group + 8), 16);
      v128.store(panel, f32x4.splat(0), 32);
      v128.store(panel, f32x4.splat(0), 48);
    }
    for (let i: usize = 0; i < pairBytes; i += 16) {
      v128.store(panel + 2 * i, v128.load8x8_s(group + bytes + i), 64);
      v128.store(panel + 2 * i, v128.load8x8_s(group + bytes + i, 8), 80);
    }
  }
}

/** out [inSize] = row `row` (0 to 7) of the group. */
export function q8Row(wide: bool, out: usize, group: usize, numBlocks: i32, row: usize): void {
  const bytes: usize = wide ? 64 : 16;
  const columns: usize = wide ? 16 : 32;
  for (let b = 0; b < numBlocks; b++, group += bytes + columns * 8) {
    const d = f32At(wide, group, row);
    const m: f32 = wide ? f32At(true, group, row + 8) : 0;
    for (let i: usize = 0; i < columns; i++, out += 4) {
      store<f32>(out, d * <f32>load<i8>(group + bytes + (i >> 1) * 16 + row * 2 + (i & 1)) + m);
    }
  }
}
