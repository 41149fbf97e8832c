// Rotations and attention in float64 with the bounds of bounds.ts beside each value, and the ways in which other
// programs compute them otherwise.

import { exp } from '../base/math.ts';
import type { Estimate } from './bounds.ts';
import type { Arithmetic } from './precision.ts';

export interface RopeRule {
  /** Radians per position, one per pair that rotates: [headDim / 2], or fewer where only a part of a head does. */
  readonly frequencies: Float64Array;
  readonly headDim: number;
  /** Position of each row; the row itself when absent. */
  readonly positionOf?: (row: number) => number;
  /** Frequencies of a row, where they are not the same for all. */
  readonly frequenciesOf?: (row: number) => Float64Array | undefined;
  /** Neighbours rotate, not halves. */
  readonly interleaved?: boolean;
  /** Changes cosine and sine after they were taken. */
  readonly turned?: (cos: number, sin: number) => readonly [number, number];
}

/**
 * Rotated heads of x [numRows, numHeads, headDim]. The angle pos · frequency has four roundings of its own in
 * float32 (power, quotient, product, reduction), which grow with the position; programs that take each
 * frequency from the one before it (llama.cpp) add two per step, one of the product and one of the ratio.
 */
export function rotated(x: Estimate, numHeads: number, rule: RopeRule, math: Arithmetic): Estimate {
  const { headDim, interleaved, positionOf = (row) => row, turned } = rule;
  const values = x.values.slice();
  const slack = x.slack?.slice() ?? values.map((value) => math.unit * Math.abs(value) + math.tiny);
  for (let head = 0; head < values.length; head += headDim) {
    const row = Math.floor(head / (headDim * numHeads));
    const pos = positionOf(row);
    const frequencies = rule.frequenciesOf?.(row) ?? rule.frequencies;
    for (let j = 0; j < frequencies.length; j++) {
      const a = head + (interleaved ? 2 * j : j);
      const b = interleaved ? a + 1 : a + frequencies.length;
      const angle = pos * frequencies[j];
      const plain = [Math.cos(angle), Math.sin(angle)] as const;
      const [cos, sin] = turned ? turned(...plain) : plain;
      rotatePair({ values, slack }, x, { a, b, cos, sin, ofAngle: (4 + 2 * j) * Math.abs(angle) }, math);
    }
  }
  return { values, slack };
}

interface Pair {
  /** Places of the two values. */
  readonly a: number;
  readonly b: number;
  readonly cos: number;
  readonly sin: number;
  /** Error of the angle, in units of the sums. */
  readonly ofAngle: number;
}

function rotatePair(out: Required<Estimate>, x: Estimate, pair: Pair, math: Arithmetic): void {
  const { a, b, cos, sin } = pair;
  const { values, slack } = out;
  const first = x.values[a];
  const second = x.values[b];
  values[a] = first * cos - second * sin;
  values[b] = second * cos + first * sin;
  const alongA = Math.abs(first * cos) + Math.abs(second * sin);
  const alongB = Math.abs(second * cos) + Math.abs(first * sin);
  const own = math.inputUnit + 3 * math.unit;
  const ofAngle = pair.ofAngle * math.sumUnit;
  slack[a] = own * alongA + ofAngle * alongB + math.tiny;
  slack[b] = own * alongB + ofAngle * alongA + math.tiny;
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
  /** The kv head that query head h reads; ⌊h / group⌋ when absent. */
  readonly kvHead?: (h: number) => number;
  /** Soft cap of scores: cap · tanh(score / cap). */
  readonly cap?: number;
  /** Added to the scores of hidden positions instead of hiding them. */
  readonly hiddenScore?: number;
  /** Scores of hidden positions are multiplied by 0 instead of hidden. */
  readonly maskedScores?: boolean;
  /** Hidden positions take part in the softmax and are set to zero after it. */
  readonly maskedAfter?: boolean;
  /** One is added to the sum of exponentials (softmax-one). */
  readonly plusOne?: boolean;
  /** The softmax runs over the rows of a position, not over the positions of a row. */
  readonly overQueries?: boolean;
  /** Rounds scores before the softmax. */
  readonly scored?: (score: number) => number;
  /** Whether row t may look at position p; causal when absent. */
  readonly mask?: (t: number, p: number) => boolean;
  /** Rounds the running sum of values after each position, as flash attention in 16 bits does. */
  readonly summed?: (sum: number) => number;
}

export function kvHeadOf(h: number, rule: AttentionRule): number {
  return rule.kvHead?.(h) ?? Math.floor((h * rule.numKvHeads) / rule.numHeads);
}

/**
 * Attention weights [numHeads, numRows, numRows] of q [numRows, numHeads, headDim] and k [numRows,
 * numKvHeads, headDim]. An error e of a score multiplies its weight by up to exp(e + mean error of the row).
 */
export function attentionWeights(q: Estimate, k: Estimate, rule: AttentionRule, math: Arithmetic): Estimate {
  const { numHeads, numKvHeads, headDim, mask = (t, p) => p <= t } = rule;
  const { hiddenScore, maskedAfter, maskedScores } = rule;
  const numRows = q.values.length / numHeads / headDim;
  const values = new Float64Array(numHeads * numRows * numRows);
  const slack = new Float64Array(values.length);
  const score = new Float64Array(numRows * numRows);
  const error = new Float64Array(numRows * numRows);
  const showsHidden = maskedAfter || maskedScores || hiddenScore !== undefined;
  for (let h = 0; h < numHeads; h++) {
    score.fill(Number.NEGATIVE_INFINITY);
    for (let t = 0; t < numRows; t++) {
      const query = (t * numHeads + h) * headDim;
      for (let p = 0; p < numRows; p++) {
        if (!showsHidden && !mask(t, p)) continue;
        const key = (p * numKvHeads + kvHeadOf(h, rule)) * headDim;
        const found = scoreOf(q, query, k, key, rule, math);
        score[t * numRows + p] = mask(t, p)
          ? found.score
          : maskedScores
            ? 0
            : found.score + (hiddenScore ?? 0);
        error[t * numRows + p] = found.error;
      }
    }
    for (let t = 0; t < numRows; t++) {
      const line = { begin: rule.overQueries ? t : t * numRows, step: rule.overQueries ? numRows : 1 };
      softmaxLine({ values, slack }, h * numRows * numRows, line, score, error, rule, math);
    }
    if (!maskedAfter) continue;
    for (let t = 0; t < numRows; t++) {
      for (let p = 0; p < numRows; p++) if (!mask(t, p)) values[(h * numRows + t) * numRows + p] = 0;
    }
  }
  return { values, slack };
}

/** One score, scaled and capped, with its bound. */
function scoreOf(
  q: Estimate,
  query: number,
  k: Estimate,
  key: number,
  { headDim, scale, cap, scored }: AttentionRule,
  math: Arithmetic,
): { score: number; error: number } {
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
  const capped = cap === undefined ? sum * scale : cap * Math.tanh((sum * scale) / cap);
  const error =
    Math.abs(scale) *
    ((perSum + 3 * math.unit) * Math.abs(sum) +
      4 * (perSum + 1.5 * math.inputUnit) * Math.sqrt(squares) +
      Math.sqrt(inherited));
  return { score: scored ? scored(capped) : capped, error };
}

/** The softmax of scores [numRows, numRows] along one line of them. */
function softmaxLine(
  out: Required<Estimate>,
  offset: number,
  { begin, step }: { begin: number; step: number },
  score: Float64Array,
  error: Float64Array,
  { plusOne }: AttentionRule,
  math: Arithmetic,
): void {
  const numRows = Math.sqrt(score.length);
  let max = plusOne ? 0 : Number.NEGATIVE_INFINITY;
  for (let n = 0; n < numRows; n++) max = Math.max(max, score[begin + n * step]);
  if (max === Number.NEGATIVE_INFINITY) return;
  const { values, slack } = out;
  let sum = plusOne ? exp(-max) : 0;
  for (let n = 0; n < numRows; n++) {
    const at = begin + n * step;
    values[offset + at] = exp(score[at] - max);
    sum += values[offset + at];
  }
  let meanError = 0;
  for (let n = 0; n < numRows; n++) {
    const at = begin + n * step;
    values[offset + at] /= sum;
    if (values[offset + at] > 0) meanError += values[offset + at] * error[at];
  }
  const own = math.sumUnit * (Math.sqrt(numRows) + 8) + math.unit;
  for (let n = 0; n < numRows; n++) {
    const at = begin + n * step;
    if (score[at] === Number.NEGATIVE_INFINITY) continue;
    const weight = values[offset + at];
    const ofScores = Math.expm1(Math.min(error[at] + meanError, 50));
    const ofExponent = math.sumUnit * Math.abs(score[at] - max);
    // However far off the scores are, a weight stays between 0 and 1.
    const moved = Math.min(weight * ofScores, Math.max(weight, 1 - weight));
    slack[offset + at] = moved + weight * (own + ofExponent) + math.tiny;
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
