// What one core of this machine can do in WASM at best (AssemblyScript, compiled by roofline.ts when a bench starts):
// reading memory, and multiplying and adding out of registers. Kernels are measured against these.

/** Sums all 32-bit lanes of [ptr, ptr + bytes); bytes is a multiple of 64. */
export function readAll(ptr: usize, bytes: usize): i32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  for (const end = ptr + bytes; ptr < end; ptr += 64) {
    a = i32x4.add(a, v128.load(ptr));
    b = i32x4.add(b, v128.load(ptr, 16));
    c = i32x4.add(c, v128.load(ptr, 32));
    d = i32x4.add(d, v128.load(ptr, 48));
  }
  a = i32x4.add(i32x4.add(a, b), i32x4.add(c, d));
  return i32x4.extract_lane(a, 0) ^ i32x4.extract_lane(a, 1) ^ i32x4.extract_lane(a, 2) ^ i32x4.extract_lane(a, 3);
}

/**
 * `times` rounds of 8 products of 4 int16 pairs, each added up: 8 · 16 operations a round. Sums only wait for sums, and
 * factors are read anew, as in a matrix product: 64 quads of factors from ptr on, after 1 KB two vectors.
 */
export function multiplyInt16(ptr: usize, times: i32): i32 {
  const p = v128.load(ptr, 1024), q = v128.load(ptr, 1040);
  let a = i32x4.splat(0);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (let i = 0; i < times; i++) {
    const at = ptr + ((<usize>i & 63) << 4);
    let x = v128.load32_splat(at);
    a = i32x4.add(a, i32x4.dot_i16x8_s(p, x));
    b = i32x4.add(b, i32x4.dot_i16x8_s(q, x));
    x = v128.load32_splat(at, 4);
    c = i32x4.add(c, i32x4.dot_i16x8_s(p, x));
    d = i32x4.add(d, i32x4.dot_i16x8_s(q, x));
    x = v128.load32_splat(at, 8);
    e = i32x4.add(e, i32x4.dot_i16x8_s(p, x));
    f = i32x4.add(f, i32x4.dot_i16x8_s(q, x));
    x = v128.load32_splat(at, 12);
    g = i32x4.add(g, i32x4.dot_i16x8_s(p, x));
    h = i32x4.add(h, i32x4.dot_i16x8_s(q, x));
  }
  a = i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(i32x4.add(e, f), i32x4.add(g, h)));
  return i32x4.extract_lane(a, 0);
}

/**
 * `times` rounds of 8 products of 4 float32 lanes, each added up: 8 · 8 operations a round. Sums only wait for sums, as
 * in a matrix product, and factors are read anew, so that none can be computed before the loop. Memory from ptr on:
 * 2 KB of factors, then four vectors.
 */
export function multiplyF32(ptr: usize, times: i32): f32 {
  const p = v128.load(ptr, 2048), q = v128.load(ptr, 2064), r = v128.load(ptr, 2080), s = v128.load(ptr, 2096);
  let a = f32x4.splat(0);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (let i = 0; i < times; i++) {
    const at = ptr + ((<usize>i & 127) << 3);
    let x = v128.load32_splat(at);
    a = f32x4.add(a, f32x4.mul(x, p));
    b = f32x4.add(b, f32x4.mul(x, q));
    c = f32x4.add(c, f32x4.mul(x, r));
    d = f32x4.add(d, f32x4.mul(x, s));
    x = v128.load32_splat(at, 4);
    e = f32x4.add(e, f32x4.mul(x, p));
    f = f32x4.add(f, f32x4.mul(x, q));
    g = f32x4.add(g, f32x4.mul(x, r));
    h = f32x4.add(h, f32x4.mul(x, s));
  }
  a = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return f32x4.extract_lane(a, 0);
}
