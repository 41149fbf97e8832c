// The modules of the network in float64, with a bound beside each value: how far the arithmetic of a candidate may
// have carried it. Rotations and attention are in attention-bounds.ts; nowhere else are bounds derived.
//
// The bounds are probabilistic (Higham & Mary 2019): roundings have no common direction, so n of them add up
// to √n of one, not n. With s = √Σ(wᵢxᵢ)² the partial sums of a dot product of length n stay within about 4s
// + |y|, so
//
//     |error of a sum|  ≤ sumUnit · √n · (4s + |y|)      one rounding per addition
//     |error of inputs| ≤ (inputUnit + weightUnit) · 4s  one rounding per factor, four standard deviations
//     |error of result| ≤ unit · |y|
//
// An input that was not traced is itself an estimate; its slack passes through a module by the first
// derivative, and independent slacks add in squares.

import { exp } from '../base/math.ts';
import type { Arithmetic } from './precision.ts';

/** Values, and how far each may be off; no slack means: these are the candidate's own numbers. */
export interface Estimate {
  readonly values: Float64Array;
  readonly slack?: Float64Array;
}

/** Numbers of a weight, as wide as they need be. */
export type Floats = Float64Array | Float32Array;

/** out[t, o] for rows `o` in [begin, end) of a weight matrix; the arguments of one call of `linearRows`. */
export interface LinearRows {
  readonly weight: Floats; // [end - begin, inSize]
  readonly bias?: Float64Array; // [outSize]
  readonly begin: number;
  readonly inSize: number;
  readonly outSize: number;
}

/**
 * Rows of x [numRows, inSize] · weightᵀ, written to out.values and, where it is there, out.slack [numRows,
 * outSize].
 */
export function linearRows(out: Estimate, x: Estimate, rows: LinearRows, math: Arithmetic): void {
  const { slack } = out;
  if (!slack) {
    plainRows(out.values, x.values, rows);
    return;
  }
  const { weight, bias, begin, inSize, outSize } = rows;
  const numRows = x.values.length / inSize;
  const perSum = math.sumUnit * Math.sqrt(inSize);
  const perProduct = 4 * (perSum + math.inputUnit + math.weightUnit);
  for (let o = 0; o < weight.length / inSize; o++) {
    for (let t = 0; t < numRows; t++) {
      let sum = 0;
      let squares = 0;
      let inherited = 0;
      for (let i = 0; i < inSize; i++) {
        const product = weight[o * inSize + i] * x.values[t * inSize + i];
        sum += product;
        squares += product * product;
      }
      if (x.slack) {
        for (let i = 0; i < inSize; i++) {
          const share = weight[o * inSize + i] * x.slack[t * inSize + i];
          inherited += share * share;
        }
      }
      if (bias) sum += bias[begin + o];
      const at = t * outSize + begin + o;
      out.values[at] = sum;
      slack[at] =
        (math.unit + perSum) * Math.abs(sum) +
        perProduct * Math.sqrt(squares) +
        Math.sqrt(inherited) +
        (bias ? math.unit * Math.abs(bias[begin + o]) : 0) +
        math.tiny;
    }
  }
}

/** Outputs of which one stands for all where bounds need only be about right. */
const ALIKE = 8;

/**
 * The values, and bounds that are about right: neighbouring outputs have about the same, so one of a few is
 * derived.
 */
export function roughRows(
  out: Required<Estimate>,
  x: Float64Array,
  rows: LinearRows,
  math: Arithmetic,
): void {
  plainRows(out.values, x, rows);
  const { weight, begin, inSize, outSize } = rows;
  const perSum = math.sumUnit * Math.sqrt(inSize);
  const perProduct = 4 * (perSum + math.inputUnit + math.weightUnit);
  const numOutputs = weight.length / inSize;
  for (let o = 0; o < numOutputs; o += ALIKE) {
    for (let t = 0; t < x.length / inSize; t++) {
      let squares = 0;
      for (let i = 0; i < inSize; i++) squares += (weight[o * inSize + i] * x[t * inSize + i]) ** 2;
      const ofProducts = perProduct * Math.sqrt(squares) + math.tiny;
      for (let n = o; n < Math.min(o + ALIKE, numOutputs); n++) {
        const at = t * outSize + begin + n;
        out.slack[at] = ofProducts + (math.unit + perSum) * Math.abs(out.values[at]);
      }
    }
  }
}

/** The values alone, four rows at a time: what hypotheses run through many layers. */
function plainRows(out: Float64Array, x: Float64Array, rows: LinearRows): void {
  const { weight, bias, begin, inSize, outSize } = rows;
  const numRows = x.length / inSize;
  const sums = new Float64Array(4);
  for (let o = 0; o < weight.length / inSize; o++) {
    const at = o * inSize;
    for (let t = 0; t < numRows; t += 4) {
      const count = Math.min(4, numRows - t);
      if (count === 4) fourRows(sums, weight, at, x, t * inSize, inSize);
      else for (let n = 0; n < count; n++) sums[n] = oneRow(weight, at, x, (t + n) * inSize, inSize);
      for (let n = 0; n < count; n++) {
        out[(t + n) * outSize + begin + o] = sums[n] + (bias ? bias[begin + o] : 0);
      }
    }
  }
}

function oneRow(weight: Floats, at: number, x: Float64Array, row: number, inSize: number): number {
  let sum = 0;
  for (let i = 0; i < inSize; i++) sum += weight[at + i] * x[row + i];
  return sum;
}

function fourRows(
  sums: Float64Array,
  weight: Floats,
  at: number,
  x: Float64Array,
  row: number,
  inSize: number,
): void {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < inSize; i++) {
    const w = weight[at + i];
    a += w * x[row + i];
    b += w * x[row + inSize + i];
    c += w * x[row + 2 * inSize + i];
    d += w * x[row + 3 * inSize + i];
  }
  sums.set([a, b, c, d]);
}

/** Rows of the embedding table [numRows, hiddenSize]: a copy, at most rounded to the candidate's format. */
export function embedded(values: Float64Array, math: Arithmetic): Estimate {
  return { values, slack: values.map((value) => math.weightUnit * Math.abs(value) + math.tiny) };
}

export interface NormRule {
  readonly eps: number;
  /** x / (√mean + eps) instead of x / √(mean + eps). */
  readonly epsOutside?: boolean;
  /** LayerNorm: the mean is taken away first. */
  readonly centred?: boolean;
  /** Scales by 1 + weight. */
  readonly plusOne?: boolean;
  /** Scales by nothing. */
  readonly withoutWeight?: boolean;
  /** What the squares are divided by; their number when absent. */
  readonly divisor?: number;
  /** 1 / mean|x| instead of 1 / √mean(x²). */
  readonly absolute?: boolean;
  /** How often the norm is applied: 0 leaves its input alone. */
  readonly times?: number;
}

function meanAbsolute(x: Float64Array, begin: number, size: number): number {
  let sum = 0;
  for (let i = begin; i < begin + size; i++) sum += Math.abs(x[i]);
  return sum / size;
}

/**
 * RMSNorm of each row of x [numRows, size]. The mean of squares has one sign, so its error is small against
 * itself; a row has one scale, and every value two more roundings (the scale, the weight).
 */
export function normed(x: Estimate, weight: Float64Array, rule: NormRule, math: Arithmetic): Estimate {
  const size = weight.length;
  const values = new Float64Array(x.values.length);
  const slack = new Float64Array(x.values.length);
  const own = math.sumUnit * (Math.sqrt(size) + 12) + 2 * math.inputUnit + 2 * math.unit + math.weightUnit;
  for (let row = 0; row < values.length; row += size) {
    let mean = 0;
    if (rule.centred) for (let i = 0; i < size; i++) mean += x.values[row + i] / size;
    let squares = 0;
    let inherited = 0;
    for (let i = 0; i < size; i++) {
      const value = x.values[row + i] - mean;
      squares += value * value;
      if (x.slack) inherited += (value * x.slack[row + i]) ** 2;
    }
    const divisor = rule.divisor ?? size;
    const meanSquare = rule.absolute ? meanAbsolute(x.values, row, size) ** 2 : squares / divisor;
    const scale = rule.epsOutside
      ? 1 / (Math.sqrt(meanSquare) + rule.eps)
      : 1 / Math.sqrt(meanSquare + rule.eps);
    const ofScale = Math.sqrt(inherited) * (scale * scale) * (1 / divisor);
    for (let i = 0; i < size; i++) {
      const factor = scale * (rule.withoutWeight ? 1 : rule.plusOne ? 1 + weight[i] : weight[i]);
      const value = (x.values[row + i] - mean) * factor;
      values[row + i] = value;
      slack[row + i] =
        Math.abs(value) * (own + ofScale) +
        (x.slack ? Math.abs(factor) * x.slack[row + i] : 0) +
        (rule.centred ? math.sumUnit * Math.abs(mean * factor) * 8 : 0) +
        math.tiny;
    }
  }
  return { values, slack };
}

/** A gate function: z to activation(z). */
export type Activation = (z: number) => number;

export const silu: Activation = (z) => z / (1 + exp(-z));

/** How gate and up become one: silu(gate) · up in this network. */
export type Gate = (z: number, u: number) => number;

export const swiglu: Gate = (z, u) => silu(z) * u;

/**
 * gate(z, u), value by value. The derivatives are taken numerically: it may be any function.
 */
export function gated(gate: Estimate, up: Estimate, rule: Gate, math: Arithmetic): Estimate {
  const values = new Float64Array(gate.values.length);
  const slack = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [z, u] = [gate.values[i], up.values[i]];
    const value = rule(z, u);
    const ofGate = math.inputUnit * Math.abs(z) + (gate.slack?.[i] ?? 0);
    const ofUp = math.inputUnit * Math.abs(u) + (up.slack?.[i] ?? 0);
    values[i] = value;
    slack[i] =
      Math.abs(value) * (3 * math.unit + math.sumUnit * (8 + Math.abs(z))) +
      slope((x) => rule(x, u), z) * ofGate +
      slope((x) => rule(z, x), u) * ofUp +
      (math.unit * math.unit + math.tiny) * Math.abs(u) +
      math.tiny;
  }
  return { values, slack };
}

function slope(of: (x: number) => number, x: number): number {
  const step = 1e-5 * Math.max(1, Math.abs(x));
  return Math.abs(of(x + step) - of(x - step)) / (2 * step);
}

/** x + y, value by value. */
export function added(x: Estimate, y: Estimate, math: Arithmetic): Estimate {
  const values = new Float64Array(x.values.length);
  const slack = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = x.values[i] + y.values[i];
    slack[i] =
      math.unit * Math.abs(values[i]) +
      math.inputUnit * (Math.abs(x.values[i]) + Math.abs(y.values[i])) +
      Math.hypot(x.slack?.[i] ?? 0, y.slack?.[i] ?? 0) +
      math.tiny;
  }
  return { values, slack };
}
