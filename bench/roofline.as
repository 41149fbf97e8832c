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

/** `times` rounds of 8 products of 8 int16 pairs, each added up: 8 · 16 operations a round. */
export function multiplyInt16(ptr: usize, times: i32): i32 {
  const x = v128.load(ptr);
  let a = v128.load(ptr, 16);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (let i = 0; i < times; i++) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(a, x));
    b = i32x4.add(b, i32x4.dot_i16x8_s(b, x));
    c = i32x4.add(c, i32x4.dot_i16x8_s(c, x));
    d = i32x4.add(d, i32x4.dot_i16x8_s(d, x));
    e = i32x4.add(e, i32x4.dot_i16x8_s(e, x));
    f = i32x4.add(f, i32x4.dot_i16x8_s(f, x));
    g = i32x4.add(g, i32x4.dot_i16x8_s(g, x));
    h = i32x4.add(h, i32x4.dot_i16x8_s(h, x));
  }
  a = i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(i32x4.add(e, f), i32x4.add(g, h)));
  return i32x4.extract_lane(a, 0);
}

/** `times` rounds of 8 multiply-adds of 4 float32 lanes: 8 · 8 operations a round. */
export function multiplyF32(ptr: usize, times: i32): f32 {
  const x = v128.load(ptr);
  let a = v128.load(ptr, 16);
  let b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (let i = 0; i < times; i++) {
    a = f32x4.add(f32x4.mul(a, x), x);
    b = f32x4.add(f32x4.mul(b, x), x);
    c = f32x4.add(f32x4.mul(c, x), x);
    d = f32x4.add(f32x4.mul(d, x), x);
    e = f32x4.add(f32x4.mul(e, x), x);
    f = f32x4.add(f32x4.mul(f, x), x);
    g = f32x4.add(f32x4.mul(g, x), x);
    h = f32x4.add(f32x4.mul(h, x), x);
  }
  a = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return f32x4.extract_lane(a, 0);
}
