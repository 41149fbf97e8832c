// Formats without blocks: every value stands alone, little-endian.
//
//     F64   s eeeeeeeeeee f·52     F32  s eeeeeeee f·23     F16  s eeeee f·10     BF16  s eeeeeeee f·7

import { bf16FromNumber, f16FromNumber, f16ToNumber } from '../base/f16.ts';

/** out = the float32 values, bit for bit. Copies bytes, so that neither side needs to be aligned. */
export function decodeF32(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  count: number,
): void {
  const outBytes = new Uint8Array(out.buffer, out.byteOffset + 4 * outOffset, 4 * count);
  outBytes.set(bytes.subarray(at, at + 4 * count));
}

/** out = the float64 values; a Float32Array rounds them to nearest. */
export function decodeF64(
  bytes: Uint8Array,
  at: number,
  out: Float32Array | Float64Array,
  outOffset: number,
  count: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8 * count);
  for (let i = 0; i < count; i++) out[outOffset + i] = view.getFloat64(8 * i, true);
}

/** out = the half-precision values, exact. */
export function decodeF16(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  count: number,
): void {
  const outBits = new Uint32Array(out.buffer, out.byteOffset + 4 * outOffset, count);
  for (let i = 0; i < count; i++) {
    const half = bytes[at + 2 * i] | (bytes[at + 2 * i + 1] << 8);
    const exponent = half & 0x7c00;
    // A normal half is a float32 with another bias: 127 - 15 = 112 = 0x38000000 >> 23.
    if (exponent !== 0 && exponent !== 0x7c00) {
      outBits[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + 0x38000000);
    } else {
      out[outOffset + i] = f16ToNumber(half);
    }
  }
}

/** out = the bfloat16 values, exact: a bfloat16 is a float32 whose lower half is zero. */
export function decodeBf16(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  count: number,
): void {
  const outBits = new Uint32Array(out.buffer, out.byteOffset + 4 * outOffset, count);
  for (let i = 0; i < count; i++) {
    const low = at + 2 * i;
    outBits[i] = (bytes[low] << 16) | (bytes[low + 1] << 24);
  }
}

/** bytes = the float32 values, bit for bit. */
export function encodeF32(values: Float32Array, bytes: Uint8Array, at: number): void {
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
}

/** bytes = the nearest halves. */
export function encodeF16(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < values.length; i++) {
    const half = f16FromNumber(values[i]);
    bytes[at + 2 * i] = half;
    bytes[at + 2 * i + 1] = half >>> 8;
  }
}

/** bytes = the nearest bfloat16 values. */
export function encodeBf16(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < values.length; i++) {
    const upper = bf16FromNumber(values[i]);
    bytes[at + 2 * i] = upper;
    bytes[at + 2 * i + 1] = upper >>> 8;
  }
}
