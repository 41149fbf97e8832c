// The two 16-bit number formats, half precision (IEEE 754 binary16) and bfloat16 (the upper half of
// a float32), read and written by integer arithmetic: JavaScript has no 16-bit floats on the
// runtimes we support.

/** 2^(e - 25) for the exponent field e of a half: what one unit of an 11-bit significand is worth. */
const UNITS = Float64Array.from({ length: 32 }, (_, e) => 2 ** (e - 25));

/** The value of a half-precision number. Subnormals are exact; infinities and NaN stay what they are. */
export function f16ToNumber(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  let magnitude: number;
  if (exponent === 0) magnitude = fraction * UNITS[1];
  else if (exponent === 31) magnitude = fraction === 0 ? Infinity : NaN;
  else magnitude = (1024 + fraction) * UNITS[exponent];
  return half & 0x8000 ? -magnitude : magnitude;
}

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/** The bits of `value` as a float32. */
function f32Bits(value: number): number {
  wordAsFloat[0] = value;
  return word[0];
}

/**
 * The half nearest to the float32 `value`, ties to even; over 65519 becomes infinity. The sign and the
 * upper bits of a NaN are kept, as numpy does; a NaN whose upper bits are all zero gets its lowest bit set,
 * so that it stays one.
 */
export function f16FromNumber(value: number): number {
  const bits = f32Bits(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 1023 || 1);
  // 0x477ff000 is 65520, halfway between the largest half and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Under 2^-14 halves are whole multiples of 2^-24: adding 2^-1 leaves that multiple, rounded, in
  // the low bits.
  if (magnitude < 0x38800000) return sign | (f32Bits(Math.fround(Math.abs(value)) + 0.5) - 0x3f000000);
  const roundsUp = 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((magnitude + roundsUp - 0x38000000) >>> 13);
}

/** The bfloat16 nearest to the float32 `value`, ties to even; NaN becomes quiet, as in ggml. */
export function bf16FromNumber(value: number): number {
  const bits = f32Bits(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 64;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
