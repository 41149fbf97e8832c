// What mixes lanes, what is relaxed in the relaxed build, and the constants of kernels. Constants come from memory:
// V8 would rebuild a literal v128 at every use inside a loop (measured: a third of the speed of a 4-bit kernel).

// biome-ignore format: one constant a line.
const MASKS = memory.data<u32>(
  [
    0x000f000f, 0x000f000f, 0x000f000f, 0x000f000f, // nibble of plane 0
    0x00f000f0, 0x00f000f0, 0x00f000f0, 0x00f000f0, // plane 1
    0x0f000f00, 0x0f000f00, 0x0f000f00, 0x0f000f00, // plane 2
    0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000, // sign, exponent and fraction of a widened half
    0x77800000, 0x77800000, 0x77800000, 0x77800000, // 2^112
    0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, // nibbles of bytes
    0x00010001, 0x00010001, 0x00010001, 0x00010001, // ones
    0x4b400000, 0x4b400000, 0x4b400000, 0x4b400000, // 1.5 · 2^23: adding it rounds to a whole number
    0xc1000000, 0xc1000000, 0xc1000000, 0xc1000000, // -8
    0x00000000, 0xc0200000, 0x00000000, 0xc0200000, // -8 in float64
  ],
  16,
);

@inline
export function plane0(): v128 {
  return v128.load(MASKS);
}

@inline
export function plane1(): v128 {
  return v128.load(MASKS, 16);
}

@inline
export function plane2(): v128 {
  return v128.load(MASKS, 32);
}

@inline
export function nibbleBytes(): v128 {
  return v128.load(MASKS, 80);
}

@inline
export function onePairs(): v128 {
  return v128.load(MASKS, 96);
}

@inline
export function rounder(): v128 {
  return v128.load(MASKS, 112);
}

@inline
export function minusEight(): v128 {
  return v128.load(MASKS, 128);
}

@inline
export function minusEight64(): v128 {
  return v128.load(MASKS, 144);
}

/** Four halves at ptr as floats; exact for every finite half. */
@inline
export function halves4(ptr: usize): v128 {
  const bits = i32x4.shl(v128.load16x4_s(ptr), 13);
  return f32x4.mul(v128.and(bits, v128.load(MASKS, 48)), v128.load(MASKS, 64));
}

@inline
export function halfMask(): v128 {
  return v128.load(MASKS, 48);
}

/** 2^112 */
@inline
export function halfUnit(): v128 {
  return v128.load(MASKS, 64);
}

/** a · b + c: multiplied, rounded, added, rounded; one fused step in the relaxed build where the machine has it. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** sums + the four dot products of pairs of int16: exact. */
@inline
export function dotPairs(a: v128, b: v128, sums: v128): v128 {
  return i32x4.add(sums, i32x4.dot_i16x8_s(a, b));
}

/** (l0 + l2) + (l1 + l3) */
@inline
export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 2) +
    (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  );
}

@inline
export function sumLanesI32(v: v128): i32 {
  return (
    i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3)
  );
}

@inline
export function maxLanes(v: v128): f32 {
  const a = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
  return max(a, max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

/** Lanes 2 and 3, moved to 0 and 1. */
@inline
export function upper(v: v128): v128 {
  return v128.shuffle<u64>(v, v, 1, 1);
}

// exp: x = n · ln 2 + r with n whole and |r| ≤ ln 2 / 2 (ln 2 in two parts after Cody and Waite), e^r by the
// polynomial of degree 6 of Cephes' expf. Worst error 1 ulp on [-87, 88] (test/wasm/exp.test.ts).
// biome-ignore format: one constant a line.
const EXP = memory.data<f32>(
  [
    88.0, 88.0, 88.0, 88.0,
    -87.0, -87.0, -87.0, -87.0,
    1.4426950408889634, 1.4426950408889634, 1.4426950408889634, 1.4426950408889634,
    0.693359375, 0.693359375, 0.693359375, 0.693359375,
    -2.1219444e-4, -2.1219444e-4, -2.1219444e-4, -2.1219444e-4,
    1.98756915e-4, 1.98756915e-4, 1.98756915e-4, 1.98756915e-4,
    1.3981999507e-3, 1.3981999507e-3, 1.3981999507e-3, 1.3981999507e-3,
    8.3334519073e-3, 8.3334519073e-3, 8.3334519073e-3, 8.3334519073e-3,
    4.1665795894e-2, 4.1665795894e-2, 4.1665795894e-2, 4.1665795894e-2,
    1.6666665459e-1, 1.6666665459e-1, 1.6666665459e-1, 1.6666665459e-1,
    5.0000001201e-1, 5.0000001201e-1, 5.0000001201e-1, 5.0000001201e-1,
    1.0, 1.0, 1.0, 1.0,
  ],
  16,
);
// 127 - 0x4b400000: what turns the bits of (n + 1.5 · 2^23) into a biased exponent.
const EXPONENT = memory.data<i32>([-1262485377, -1262485377, -1262485377, -1262485377], 16);

@inline
export function one4(): v128 {
  return v128.load(EXP, 176);
}

/** x within the bounds of exp4. */
@inline
export function clamped(x: v128): v128 {
  return f32x4.pmax(f32x4.pmin(x, v128.load(EXP)), v128.load(EXP, 16)); // this order keeps NaN
}

/** n + 1.5 · 2^23, of x within bounds. */
@inline
export function shiftedExponent(x: v128): v128 {
  return f32x4.add(f32x4.mul(x, v128.load(EXP, 32)), rounder());
}

/** r, of x within bounds. */
@inline
export function remainder(x: v128, shifted: v128): v128 {
  const n = f32x4.sub(shifted, rounder());
  const r = f32x4.sub(x, f32x4.mul(n, v128.load(EXP, 48)));
  return f32x4.sub(r, f32x4.mul(n, v128.load(EXP, 64)));
}

/** 2^n · e^r */
@inline
export function expOf(r: v128, shifted: v128): v128 {
  let p = v128.load(EXP, 80);
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP, 96));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP, 112));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP, 128));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP, 144));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP, 160));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), one4());
  return f32x4.mul(p, i32x4.shl(i32x4.add(shifted, v128.load(EXPONENT)), 23));
}

/** e^x of each lane, x clamped to [-87, 88]. Never fused, so that both builds agree. */
@inline
export function exp4(x: v128): v128 {
  x = clamped(x);
  const shifted = shiftedExponent(x);
  return expOf(remainder(x, shifted), shifted);
}

/** e^x of one number, the same bits as a lane of exp4. */
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}
