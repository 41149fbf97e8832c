// Every module of the network in float64, with a bound beside each value: how far the arithmetic of a
// candidate may have carried it. The only place where such bounds are derived; diff, causes and the tests use
// these.
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

/** out[t, o] for rows `o` in [begin, end) of a weight matrix; the arguments of one call of `linearRows`. */
export interface LinearRows {
  readonly weight: Float64Array; // [end - begin, inSize]
  readonly bias?: Float64Array; // [outSize]
  readonly begin: number;
  readonly inSize: number;
  readonly outSize: number;
}

/**
 * Rows of x [numRows, inSize] · weightᵀ with their bounds, written to out.values and out.slack [numRows,
 * outSize].
 */
export function linearRows(out: Required<Estimate>, x: Estimate, rows: LinearRows, math: Arithmetic): void {
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
      out.slack[at] =
        (math.unit + perSum) * Math.abs(sum) +
        perProduct * Math.sqrt(squares) +
        Math.sqrt(inherited) +
        (bias ? math.unit * Math.abs(bias[begin + o]) : 0) +
        math.tiny;
    }
  }
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
    const meanSquare = squares / size;
    const scale = rule.epsOutside
      ? 1 / (Math.sqrt(meanSquare) + rule.eps)
      : 1 / Math.sqrt(meanSquare + rule.eps);
    const ofScale = Math.sqrt(inherited) * (scale * scale) * (1 / size);
    for (let i = 0; i < size; i++) {
      const factor = scale * (rule.plusOne ? 1 + weight[i] : weight[i]);
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

export interface RopeRule {
  /** Radians per position [headDim / 2]. */
  readonly frequencies: Float64Array;
  /** Position of row 0. */
  readonly startPos: number;
  /** Neighbours rotate, not halves. */
  readonly interleaved?: boolean;
  /** The other way round. */
  readonly reversed?: boolean;
}

/**
 * Rotated heads of x [numRows, numHeads, headDim]. The angle pos · frequency has four roundings of its own in
 * float32 (power, quotient, product, reduction), which grow with the position; programs that take each
 * frequency from the one before it (llama.cpp) add two per step, one of the product and one of the ratio.
 */
export function rotated(x: Estimate, numHeads: number, rule: RopeRule, math: Arithmetic): Estimate {
  const { frequencies, startPos, interleaved } = rule;
  const half = frequencies.length;
  const values = new Float64Array(x.values.length);
  const slack = new Float64Array(x.values.length);
  const own = math.inputUnit + 3 * math.unit;
  for (let head = 0; head < values.length; head += 2 * half) {
    const pos = startPos + Math.floor(head / (2 * half * numHeads));
    for (let j = 0; j < half; j++) {
      const a = head + (interleaved ? 2 * j : j);
      const b = interleaved ? a + 1 : a + half;
      const angle = pos * frequencies[j] * (rule.reversed ? -1 : 1);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      const ofAngle = (4 + 2 * j) * math.sumUnit * Math.abs(angle);
      rotatePair(values, slack, x, a, b, cos, sin, own, ofAngle);
      slack[a] += math.tiny;
      slack[b] += math.tiny;
    }
  }
  return { values, slack };
}

function rotatePair(
  values: Float64Array,
  slack: Float64Array,
  x: Estimate,
  a: number,
  b: number,
  cos: number,
  sin: number,
  own: number,
  ofAngle: number,
): void {
  const first = x.values[a];
  const second = x.values[b];
  values[a] = first * cos - second * sin;
  values[b] = second * cos + first * sin;
  const alongA = Math.abs(first * cos) + Math.abs(second * sin);
  const alongB = Math.abs(second * cos) + Math.abs(first * sin);
  slack[a] = own * alongA + ofAngle * alongB;
  slack[b] = own * alongB + ofAngle * alongA;
  if (!x.slack) return;
  slack[a] += Math.hypot(cos * x.slack[a], sin * x.slack[b]);
  slack[b] += Math.hypot(cos * x.slack[b], sin * x.slack[a]);
}

export interface AttentionRule {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  /** Usually 1 / √headDim. */
  readonly scale: number;
  /** Query head h reads kv head h mod numKvHeads instead of ⌊h / group⌋. */
  readonly tiled?: boolean;
  /** Whether row t may look at position p; causal when absent. */
  readonly mask?: (t: number, p: number) => boolean;
  /** Rounds the running sum of values after each position, as flash attention in 16 bits does. */
  readonly summed?: (sum: number) => number;
}

export function kvHeadOf(h: number, rule: AttentionRule): number {
  return rule.tiled ? h % rule.numKvHeads : Math.floor((h * rule.numKvHeads) / rule.numHeads);
}

/**
 * Attention weights [numHeads, numRows, numRows] of q [numRows, numHeads, headDim] and k [numRows,
 * numKvHeads, headDim]. An error e of a score multiplies its weight by up to exp(e + mean error of the row).
 */
export function attentionWeights(q: Estimate, k: Estimate, rule: AttentionRule, math: Arithmetic): Estimate {
  const { numHeads, numKvHeads, headDim, mask = (t, p) => p <= t } = rule;
  const numRows = q.values.length / numHeads / headDim;
  const values = new Float64Array(numHeads * numRows * numRows);
  const slack = new Float64Array(values.length);
  const score = new Float64Array(numRows);
  const error = new Float64Array(numRows);
  for (let h = 0; h < numHeads; h++) {
    for (let t = 0; t < numRows; t++) {
      score.fill(Number.NEGATIVE_INFINITY);
      const query = (t * numHeads + h) * headDim;
      for (let p = 0; p < numRows; p++) {
        if (!mask(t, p)) continue;
        const key = (p * numKvHeads + kvHeadOf(h, rule)) * headDim;
        scoreOf(score, error, p, q, query, k, key, rule, math);
      }
      softmaxRow(values, slack, (h * numRows + t) * numRows, score, error, math);
    }
  }
  return { values, slack };
}

function scoreOf(
  score: Float64Array,
  error: Float64Array,
  p: number,
  q: Estimate,
  query: number,
  k: Estimate,
  key: number,
  rule: AttentionRule,
  math: Arithmetic,
): void {
  const { headDim, scale } = rule;
  let sum = 0;
  let squares = 0;
  let inherited = 0;
  for (let i = 0; i < headDim; i++) {
    const product = q.values[query + i] * k.values[key + i];
    sum += product;
    squares += product * product;
    if (q.slack) inherited += (q.slack[query + i] * k.values[key + i]) ** 2;
    if (k.slack) inherited += (k.slack[key + i] * q.values[query + i]) ** 2;
  }
  const perSum = math.sumUnit * Math.sqrt(headDim);
  score[p] = sum * scale;
  error[p] =
    Math.abs(scale) *
    ((perSum + 3 * math.unit) * Math.abs(sum) +
      4 * (perSum + 1.5 * math.inputUnit) * Math.sqrt(squares) +
      Math.sqrt(inherited));
}

function softmaxRow(
  values: Float64Array,
  slack: Float64Array,
  at: number,
  score: Float64Array,
  error: Float64Array,
  math: Arithmetic,
): void {
  const max = score.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (max === Number.NEGATIVE_INFINITY) return;
  let sum = 0;
  for (let p = 0; p < score.length; p++) sum += values[at + p] = exp(score[p] - max);
  let meanError = 0;
  for (let p = 0; p < score.length; p++) {
    values[at + p] /= sum;
    if (values[at + p] > 0) meanError += values[at + p] * error[p];
  }
  const own = math.sumUnit * (Math.sqrt(score.length) + 8) + math.unit;
  for (let p = 0; p < score.length; p++) {
    if (score[p] === Number.NEGATIVE_INFINITY) continue;
    const ofScores = Math.expm1(Math.min(error[p] + meanError, 50));
    const ofExponent = math.sumUnit * Math.abs(score[p] - max);
    // However far off the scores are, a weight stays between 0 and 1.
    const moved = Math.min(values[at + p] * ofScores, Math.max(values[at + p], 1 - values[at + p]));
    slack[at + p] = moved + values[at + p] * (own + ofExponent) + math.tiny;
  }
}

/**
 * Values gathered by attention [numRows, numHeads, headDim] from probs and v [numRows, numKvHeads, headDim].
 */
export function mixed(probs: Estimate, v: Estimate, rule: AttentionRule, math: Arithmetic): Estimate {
  const { numHeads, numKvHeads, headDim } = rule;
  const numRows = v.values.length / numKvHeads / headDim;
  const values = new Float64Array(numRows * numHeads * headDim);
  const slack = new Float64Array(values.length);
  const perSum = math.sumUnit * Math.sqrt(numRows);
  const perProduct = 4 * (perSum + 1.5 * math.inputUnit);
  for (let t = 0; t < numRows; t++) {
    for (let h = 0; h < numHeads; h++) {
      const weights = (h * numRows + t) * numRows;
      for (let i = 0; i < headDim; i++) {
        const value = kvHeadOf(h, rule) * headDim + i;
        let sum = 0;
        let squares = 0;
        let inherited = 0;
        for (let p = 0; p < numRows; p++) {
          const at = p * numKvHeads * headDim + value;
          const product = probs.values[weights + p] * v.values[at];
          sum += product;
          squares += product * product;
          if (probs.slack) inherited += (probs.slack[weights + p] * v.values[at]) ** 2;
          if (v.slack) inherited += (probs.values[weights + p] * v.slack[at]) ** 2;
        }
        const out = (t * numHeads + h) * headDim + i;
        if (rule.summed) {
          const valueAt = (p: number) => v.values[p * numKvHeads * headDim + value];
          sum = runningSum(probs.values.subarray(weights, weights + numRows), valueAt, rule.summed);
        }
        values[out] = sum;
        slack[out] =
          (math.unit + perSum) * Math.abs(sum) +
          perProduct * Math.sqrt(squares) +
          Math.sqrt(inherited) +
          math.tiny;
      }
    }
  }
  return { values, slack };
}

/**
 * Σ weight · value as flash attention takes it: weights are those over the largest so far, and the sum is rounded
 * after every step (ggml-cpu, ggml_compute_forward_flash_attn_ext_f16_one_chunk).
 */
function runningSum(weights: Float64Array, valueAt: (p: number) => number, round: (x: number) => number) {
  let largest = 0;
  let total = 0;
  let sum = 0;
  for (let p = 0; p < weights.length; p++) {
    if (weights[p] === 0) continue;
    if (weights[p] > largest) {
      sum = round((sum * largest) / weights[p]);
      total *= largest / weights[p];
      largest = weights[p];
    }
    sum = round(sum + (weights[p] / largest) * valueAt(p));
    total += weights[p] / largest;
  }
  return sum / total;
}

/** A gate function: z to activation(z). */
export type Activation = (z: number) => number;

export const silu: Activation = (z) => z / (1 + exp(-z));

/**
 * activation(gate) · up, value by value. The derivative of the gate is taken numerically: it may be any
 * function.
 */
export function gated(gate: Estimate, up: Estimate, activation: Activation, math: Arithmetic): Estimate {
  const values = new Float64Array(gate.values.length);
  const slack = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const z = gate.values[i];
    const opened = activation(z);
    const step = 1e-5 * Math.max(1, Math.abs(z));
    const slope = Math.abs(activation(z + step) - activation(z - step)) / (2 * step);
    const value = opened * up.values[i];
    const ofGate = math.inputUnit * Math.abs(z) + (gate.slack?.[i] ?? 0);
    const ofUp = math.inputUnit * Math.abs(up.values[i]) + (up.slack?.[i] ?? 0);
    values[i] = value;
    slack[i] =
      Math.abs(value) * (3 * math.unit + math.sumUnit * (8 + Math.abs(z))) +
      Math.abs(slope * up.values[i]) * ofGate +
      Math.abs(opened) * ofUp +
      (math.unit * math.unit + math.tiny) * Math.abs(up.values[i]) +
      math.tiny;
  }
  return { values, slack };
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
