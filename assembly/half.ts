// Float32 to float16, rounded to nearest even; beyond the largest half (65504) it saturates, since a cache entry
// that is infinite would poison every later position.

/** Bits of the half nearest to value. */
export function halfOf(value: f32): u16 {
  const bits = reinterpret<u32>(value);
  const sign = <u16>((bits >>> 16) & 0x8000);
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude < 0x38800000) {
    // Under 2^-14 a half has steps of 2^-24, which are the steps of a float in [0.5, 1): adding 0.5 rounds.
    return sign | <u16>(reinterpret<u32>(reinterpret<f32>(magnitude) + <f32>0.5) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | <u16>min((magnitude - 0x38000000 + 0xfff + odd) >>> 13, <u32>0x7bff);
}

/** The same without subnormals: magnitudes under 2^-14 become zero, an error under 6.2e-5. */
@inline
export function normalHalfOf(value: f32): u16 {
  const half = halfOf(value);
  return half & 0x7c00 ? half : 0;
}
