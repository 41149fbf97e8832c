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

/** Products of rows of x [numRows, inSize] with weight rows: [numRows, numOutputs]; undefined for odd shapes. */
export type Products = (x: Float64Array, rows: LinearRows) => Float64Array | undefined;

/** out[t, o] for rows `o` in [begin, end) of a weight matrix; the arguments of one call of `linearRows`. */
export interface LinearRows {
  readonly weight: Floats; // [end - begin, inSize]
  readonly bias?: Float64Array; // [outSize]
  readonly begin: number;
  readonly inSize: number;
  readonly outSize: number;
  /** A faster way to the same sums, in float64 as well. */
  readonly products?: Products;
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
  const perSum = math.sumUnit * Math.sqrt(inSize);
  const perProduct = 4 * (perSum + math.inputUnit + math.weightUnit);
  const numRows = x.values.length / inSize;
  const row = new Float64Array(inSize);
  const [sums, squares, shares, inherited] = Array.from({ length: 4 }, () => new Float64Array(2));
  for (let o = 0; o < weight.length / inSize; o++) {
    row.set(weight.subarray(o * inSize, (o + 1) * inSize));
    for (let t = 0; t < numRows; t += 2) {
      const count = Math.min(2, numRows - t);
      twoRows(sums, squares, row, x.values, t * inSize, (t + count - 1) * inSize);
      if (x.slack) twoRows(shares, inherited, row, x.slack, t * inSize, (t + count - 1) * inSize);
      for (let n = 0; n < count; n++) {
        const at = (t + n) * outSize + begin + o;
        const value = sums[n] + (bias ? bias[begin + o] : 0);
        out.values[at] = value;
        slack[at] =
          (math.unit + perSum) * Math.abs(value) +
          perProduct * Math.sqrt(squares[n]) +
          Math.sqrt(inherited[n]) +
          (bias ? math.unit * Math.abs(bias[begin + o]) : 0) +
          math.tiny;
      }
    }
  }
}

/** Sums and sums of squares of the products of a weight's row with two rows of x: neither waits for the other's. */
function twoRows(
  sums: Float64Array,
  squares: Float64Array,
  weight: Float64Array,
  x: Float64Array,
  first: number,
  second: number,
): void {
  let [sum, otherSum, square, otherSquare] = [0, 0, 0, 0];
  for (let i = 0; i < weight.length; i++) {
    const product = weight[i] * x[first + i];
    const other = weight[i] * x[second + i];
    sum += product;
    otherSum += other;
    square += product * product;
    otherSquare += other * other;
  }
  sums[0] = sum;
  sums[1] = otherSum;
  squares[0] = square;
  squares[1] = otherSquare;
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
  const row = new Float64Array(inSize);
  for (let o = 0; o < numOutputs; o += ALIKE) {
    row.set(weight.subarray(o * inSize, (o + 1) * inSize));
    for (let t = 0; t < x.length / inSize; t++) {
      let squares = 0;
      for (let i = 0; i < inSize; i++) squares += (row[i] * x[t * inSize + i]) ** 2;
      const ofProducts = perProduct * Math.sqrt(squares) + math.tiny;
      for (let n = o; n < Math.min(o + ALIKE, numOutputs); n++) {
        const at = t * outSize + begin + n;
        out.slack[at] = ofProducts + (math.unit + perSum) * Math.abs(out.values[at]);
      }
    }
  }
}

/**
 * The values alone, four sums at a time: of four rows of x, or of four outputs where fewer rows are left (most
 * hypotheses look at one).
 */
function plainRows(out: Float64Array, x: Float64Array, rows: LinearRows): void {
  const { weight, bias, begin, inSize, outSize, products } = rows;
  const [numRows, numOutputs] = [x.length / inSize, weight.length / inSize];
  const fast = products?.(x, rows);
  const sums = new Float64Array(4);
  const keep = (t: number, o: number, sum: number) => {
    out[t * outSize + begin + o] = sum + (bias ? bias[begin + o] : 0);
  };
  if (fast) {
    for (let t = 0; t < numRows; t++)
      for (let o = 0; o < numOutputs; o++) keep(t, o, fast[t * numOutputs + o]);
    return;
  }
  const inFours = numRows - (numRows % 4);
  for (let t = 0; t < inFours; t += 4) {
    for (let o = 0; o < numOutputs; o++) {
      fourSums(sums, weight, o, x, t, inSize);
      for (let n = 0; n < 4; n++) keep(t + n, o, sums[n]);
    }
  }
  for (let t = inFours; t < numRows; t++) {
    let o = 0;
    for (; o + 4 <= numOutputs; o += 4) {
      fourSums(sums, x, t, weight, o, inSize);
      for (let n = 0; n < 4; n++) keep(t, o + n, sums[n]);
    }
    for (; o < numOutputs; o++) keep(t, o, oneSum(weight, o, x, t, inSize));
  }
}

function oneSum(weight: Floats, o: number, x: Float64Array, t: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += weight[o * size + i] * x[t * size + i];
  return sum;
}

/** Products of row `a` of one matrix with rows b … b + 3 of another, each summed in ascending order. */
function fourSums(sums: Float64Array, one: Floats, a: number, many: Floats, b: number, size: number): void {
  const [first, from] = [a * size, b * size];
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    const factor = one[first + i];
    sum0 += factor * many[from + i];
    sum1 += factor * many[from + size + i];
    sum2 += factor * many[from + 2 * size + i];
    sum3 += factor * many[from + 3 * size + i];
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
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
