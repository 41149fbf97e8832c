// Hypotheses with parameters: the usual wrong values of a constant, and the one that the numbers themselves
// ask for.

import { exp } from '../base/math.ts';
import { ropeFrequencies } from '../base/rotations.ts';
import type { Activation } from './bounds.ts';
import type { Hypothesis, ParameterSearch } from './cause.ts';
import { snapped, solveEps, solveFrequencies, solveTheta } from './solve.ts';
import { type Suspect, sibling } from './suspect.ts';
import { allOf } from './weight-source.ts';

const ROPE = ['self_attn.q_rope', 'self_attn.k_rope'];

/** The error function to 1e-7 by its continued series; enough to tell one activation from another. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60 && Math.abs(x) < 5; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.abs(x) >= 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * sum;
}

export const GELUS: Record<string, Activation> = {
  'gelu (tanh)': (z) => (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))),
  'gelu (erf)': (z) => (z / 2) * (1 + erf(z / Math.SQRT2)),
  'gelu (quick)': (z) => z / (1 + exp(-1.702 * z)),
};
export const OTHER_ACTIVATIONS: Record<string, Activation> = {
  relu: (z) => Math.max(0, z),
  sigmoid: (z) => 1 / (1 + exp(-z)),
  tanh: Math.tanh,
  none: (z) => z,
};

export function activationHypotheses(activations: Record<string, Activation>): Hypothesis[] {
  return Object.entries(activations).map(([name, activation]) => ({
    variant: { activation },
    detail: `${name} instead of silu`,
  }));
}

/** Theta solved from the rotated heads, and the usual ones where the heads were not traced on both sides. */
export function thetaHypotheses(suspect: Suspect): Hypothesis[] {
  const { config } = suspect.candidate;
  const thetas = new Set([10_000, 100_000, 130_000, 500_000, 1_000_000]);
  const from = suspect.part === 'self_attn.q_rope' ? 'q_proj' : 'k_proj';
  const before = sibling(suspect, `self_attn.${from}`);
  if (before && !suspect.observed.known && ROPE.includes(suspect.part)) {
    const numHeads = from === 'q_proj' ? config.numHeads : config.numKvHeads;
    const solved = solveFrequencies(before, suspect.observed.values, numHeads, config.headDim / 2);
    const theta = solved && solveTheta(solved);
    if (theta && theta.quality > 0.99) thetas.add(theta.value).add(snapped(theta.value, 1e-3));
  }
  thetas.delete(config.ropeTheta);
  return [...thetas].map((ropeTheta) => thetaHypothesis(suspect, ropeTheta));
}

function thetaHypothesis({ candidate: { config } }: Suspect, ropeTheta: number): Hypothesis {
  return {
    variant: { rope: { frequencies: ropeFrequencies({ ...config, ropeTheta }) } },
    detail: `theta ${Number(ropeTheta.toPrecision(6))}, expected ${config.ropeTheta}`,
  };
}

/** Theta where the heads were not traced on both sides. */
export function thetaSearch(suspect: Suspect): ParameterSearch {
  return { low: 1e3, high: 1e7, hypothesis: (theta) => thetaHypothesis(suspect, theta) };
}

/** The usual scales, and the one that the ratio of two weights of a row asks for. */
export function scaleHypotheses(suspect: Suspect): Hypothesis[] {
  const { headDim, hiddenSize } = suspect.candidate.config;
  const named: [string, number][] = [
    ['no scale', 1],
    ['1 / headDim', 1 / headDim],
    ['1 / √hiddenSize', 1 / Math.sqrt(hiddenSize)],
  ];
  const solved = solvedScale(suspect);
  if (solved) named.push([`scale ${solved.toPrecision(6)}`, solved]);
  return named.map(([name, scale]) => ({
    variant: { attention: { scale } },
    detail: `${name} instead of 1 / √${headDim}`,
  }));
}

/** The scale where the attention weights were not traced. */
export function scaleSearch({ candidate: { config } }: Suspect): ParameterSearch {
  const hypothesis = (scale: number) => ({
    variant: { attention: { scale } },
    detail: `scale ${scale.toPrecision(6)} instead of 1 / √${config.headDim}`,
  });
  return { low: 0.1 / config.headDim, high: 2, hypothesis };
}

/**
 * log p is linear in the scores with the scale as its slope: the ratio of spreads of observed and expected.
 */
function solvedScale(suspect: Suspect): number | undefined {
  if (suspect.part !== 'self_attn.attn_probs' || suspect.observed.known) return undefined;
  const { numHeads, headDim } = suspect.candidate.config;
  const { numRows } = suspect.candidate;
  let expectedSquares = 0;
  let products = 0;
  for (let row = 0; row < numHeads * numRows; row++) {
    const t = row % numRows;
    const at = row * numRows;
    const logs = (values: Float64Array) =>
      Array.from({ length: t + 1 }, (_, p) => Math.log(values[at + p] / values[at]));
    const expected = logs(suspect.estimate.values);
    const observed = logs(suspect.observed.values);
    for (let p = 1; p <= t; p++) {
      if (!Number.isFinite(expected[p]) || !Number.isFinite(observed[p])) continue;
      expectedSquares += expected[p] ** 2;
      products += expected[p] * observed[p];
    }
  }
  return expectedSquares > 0 ? products / expectedSquares / Math.sqrt(headDim) : undefined;
}

export function maskHypotheses(suspect: Suspect): Hypothesis[] {
  const masks: [string, (t: number, p: number) => boolean][] = [
    ['no mask: every position sees the later ones', () => true],
    ['a position does not see itself', (t, p) => p < t],
    ['a position but the first does not see itself', (t, p) => p < t || t + p === 0],
    ['a position sees the next one', (t, p) => p <= t + 1],
    ['the first position is hidden', (t, p) => p <= t && (p > 0 || t === 0)],
    ['the mask is the wrong way round', (t, p) => p >= t],
  ];
  const { numRows } = suspect.candidate;
  for (let width = 1; width < numRows; width = width < 8 ? width + 1 : width * 2) {
    masks.push([`a window of ${width} positions`, (t, p) => p <= t && p > t - width]);
  }
  return masks.map(([detail, mask]) => ({ variant: { attention: { mask } }, detail }));
}

/** Eps solved from the rows, where input and output were traced, and the usual ones. */
export async function epsHypotheses(suspect: Suspect): Promise<Hypothesis[]> {
  const { rmsNormEps } = suspect.candidate.config;
  const candidates = new Set([1e-6, 1e-5, 1e-8, 1e-12, 0, 1e-3, 1e-4, 1e-2]);
  const source = inputOfNorm(suspect);
  const weightName = `${suspect.name}.weight`;
  if (source && !suspect.observed.known && suspect.weights?.shape(weightName)) {
    const solved = solveEps(source, suspect.observed.values, await allOf(suspect.weights, weightName));
    if (solved !== undefined && solved > 0) candidates.add(solved).add(snapped(solved, 1e-2));
  }
  candidates.delete(rmsNormEps);
  return [...candidates].map((eps) => epsHypothesis(eps, rmsNormEps));
}

function epsHypothesis(eps: number, expected: number): Hypothesis {
  return {
    variant: { norm: { eps } },
    detail: `eps ${Number(eps.toPrecision(4))}, expected ${Number(expected.toPrecision(4))}`,
  };
}

/** Eps where the norm was not traced. */
export function epsSearch({ candidate: { config } }: Suspect): ParameterSearch {
  return { low: 1e-8, high: 1e-1, hypothesis: (eps) => epsHypothesis(eps, config.rmsNormEps) };
}

function inputOfNorm(suspect: Suspect): Float64Array | undefined {
  const { candidate, layer, part } = suspect;
  const source =
    part === 'post_attention_layernorm'
      ? `model.layers.${layer}.residual_after_attention`
      : part === 'input_layernorm'
        ? layer === 0
          ? 'model.embed_tokens'
          : `model.layers.${(layer ?? 0) - 1}`
        : `model.layers.${candidate.config.numLayers - 1}`;
  const point = candidate.points.get(source);
  return point?.known ? undefined : point?.values;
}

/** The factor that brings the expectation nearest to what was observed. */
export function scaledOutput(suspect: Suspect): Hypothesis[] {
  const { observed, estimate } = suspect;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < observed.values.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    products += observed.values[i] * estimate.values[i];
    squares += estimate.values[i] ** 2;
  }
  const solved = products / squares;
  if (!Number.isFinite(solved) || Math.abs(solved - 1) < 1e-6 || Math.abs(solved) < 1e-3) return [];
  const factor = snapped(Math.abs(solved), 1e-3) * Math.sign(solved);
  return [...new Set([factor, solved])].map((by) => ({
    variant: { output: (values) => values.map((value) => value * by) },
    detail: `every value times ${Number(by.toPrecision(6))}`,
  }));
}
