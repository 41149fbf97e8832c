// Products with weights in float64, for comparisons: a binary of its own (dist/wasm/products.wasm). The plain version
// is plainRows of src/diff/bounds.ts, the caller src/diff/products.ts. inSize is even: terms with even and with odd
// indices are summed in ascending order, and the two sums added.

/** First address after the constants. */
export function heapBase(): usize {
  return __heap_base;
}

/** out = x: [length] float32 as float64, exactly. */
export function widen(out: usize, x: usize, length: u32): void {
  for (const end = x + (length << 2); x < end; x += 8, out += 16) {
    v128.store(out, f64x2.promote_low_f32x4(v128.load64_zero(x)));
  }
}

/**
 * One row times four weight rows at a time.
 *
 * @param out    [numOutputs] f64
 * @param x      [inSize] f64
 * @param weight [numOutputs, inSize] f32; numOutputs is a multiple of four
 */
export function oneRow(out: usize, x: usize, weight: usize, inSize: u32, numOutputs: u32): void {
  const row = inSize << 2;
  for (const end = weight + numOutputs * row; weight < end; weight += 3 * row, out += 32) {
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let from = x;
    for (const last = weight + row; weight < last; weight += 8, from += 16) {
      const v = v128.load(from);
      s0 = f64x2.add(s0, f64x2.mul(v, f64x2.promote_low_f32x4(v128.load64_zero(weight))));
      s1 = f64x2.add(s1, f64x2.mul(v, f64x2.promote_low_f32x4(v128.load64_zero(weight + row))));
      s2 = f64x2.add(s2, f64x2.mul(v, f64x2.promote_low_f32x4(v128.load64_zero(weight + 2 * row))));
      s3 = f64x2.add(s3, f64x2.mul(v, f64x2.promote_low_f32x4(v128.load64_zero(weight + 3 * row))));
    }
    storeSums(out, s0, s1);
    storeSums(out + 16, s2, s3);
  }
}

/**
 * Four rows times two weight rows at a time.
 *
 * @param out    [4, numOutputs] f64
 * @param x      [4, inSize] f64
 * @param weight [numOutputs, inSize] f64; numOutputs is even
 */
export function fourRows(out: usize, x: usize, weight: usize, inSize: u32, numOutputs: u32): void {
  const row = inSize << 3;
  const outRow = numOutputs << 3;
  for (const end = weight + numOutputs * row; weight < end; weight += row, out += 16) {
    let a0 = f64x2.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let from = x;
    for (const last = weight + row; weight < last; weight += 16, from += 16) {
      const a = v128.load(weight);
      const b = v128.load(weight + row);
      const x0 = v128.load(from);
      const x1 = v128.load(from + row);
      const x2 = v128.load(from + 2 * row);
      const x3 = v128.load(from + 3 * row);
      a0 = f64x2.add(a0, f64x2.mul(x0, a));
      a1 = f64x2.add(a1, f64x2.mul(x1, a));
      a2 = f64x2.add(a2, f64x2.mul(x2, a));
      a3 = f64x2.add(a3, f64x2.mul(x3, a));
      b0 = f64x2.add(b0, f64x2.mul(x0, b));
      b1 = f64x2.add(b1, f64x2.mul(x1, b));
      b2 = f64x2.add(b2, f64x2.mul(x2, b));
      b3 = f64x2.add(b3, f64x2.mul(x3, b));
    }
    storeSums(out, a0, b0);
    storeSums(out + outRow, a1, b1);
    storeSums(out + 2 * outRow, a2, b2);
    storeSums(out + 3 * outRow, a3, b3);
  }
}

/** Both sums of each of two vectors. */
@inline
function storeSums(out: usize, a: v128, b: v128): void {
  v128.store(out, f64x2.add(v128.shuffle<u64>(a, b, 0, 2), v128.shuffle<u64>(a, b, 1, 3)));
}
