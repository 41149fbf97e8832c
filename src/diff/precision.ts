// Floating-point formats as a comparison sees them: how finely each rounds, what survives in it, and which
// format the numbers of a foreign trace were computed in.

import { bf16FromNumber, f16FromNumber, f16ToNumber } from '../base/f16.ts';

export type FloatFormat = 'f64' | 'f32' | 'f16' | 'bf16';

/** Unit roundoff 2^-p: rounding moves a normal value by at most this share of it. */
export const UNIT: Record<FloatFormat, number> = {
  f64: 2 ** -53,
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

/** Half the distance of the smallest values: what rounding adds near zero. */
const TINY: Record<FloatFormat, number> = { f64: 0, f32: 2 ** -149, f16: 2 ** -25, bf16: 2 ** -133 };

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/**
 * `value` rounded to the format, ties to even. Doubles pass through float32 on their way to 16 bits, as in
 * PyTorch.
 */
export function roundTo(format: FloatFormat, value: number): number {
  if (format === 'f64') return value;
  if (format === 'f32') return Math.fround(value);
  if (format === 'f16') return f16ToNumber(f16FromNumber(value));
  word[0] = bf16FromNumber(value) << 16;
  return wordAsFloat[0];
}

/** A copy of `values` in the format. */
export function rounded(format: FloatFormat, values: Float64Array): Float64Array {
  return values.map((value) => roundTo(format, value));
}

/** The narrowest of bf16, f16, f32 and f64 that holds every value; NaN and infinities fit everywhere. */
export function narrowestFormat(values: Float64Array): FloatFormat {
  for (const format of ['bf16', 'f16', 'f32'] as const) {
    if (values.every((value) => Object.is(roundTo(format, value), value) || Number.isNaN(value)))
      return format;
  }
  return 'f64';
}

/**
 * What the arithmetic of a candidate may do to a value; all shares are relative to a magnitude named at their
 * use.
 */
export interface Arithmetic {
  readonly format: FloatFormat;
  /** One rounding of a result. */
  readonly unit: number;
  /** How far a traced input may be from the number that was in the register: one rounding at storage. */
  readonly inputUnit: number;
  /** One rounding of a weight: 16-bit programs hold their weights in 16 bits. */
  readonly weightUnit: number;
  /** One addition inside a long sum: 16-bit programs add in float32. */
  readonly sumUnit: number;
  readonly tiny: number;
}

/** float64 counts twice: the expectation itself is computed in float64. */
export function arithmeticOf(format: FloatFormat): Arithmetic {
  const unit = format === 'f64' ? 2 * UNIT.f64 : UNIT[format];
  const is16Bit = format === 'f16' || format === 'bf16';
  return {
    format,
    unit,
    inputUnit: format === 'f64' ? 0 : unit,
    weightUnit: is16Bit ? unit : 0,
    sumUnit: is16Bit ? UNIT.f32 : unit,
    tiny: TINY[format],
  };
}
