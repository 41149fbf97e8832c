// Causes in attention: scores, masks, softmax, which heads meet, and what the cache holds.

import { ropeFrequencies } from '../../base/rotations.ts';
import { placeOf, pointName } from '../../model/points.ts';
import { attentionWeights, mixed, rotated } from '../attention-bounds.ts';
import { ratioAt } from '../fit.ts';
import { headPermutations } from '../layouts.ts';
import { rounded, roundTo } from '../precision.ts';
import { type Suspect, sibling } from '../suspect.ts';
import type { Variant } from '../variant.ts';
import type { Cause, Hypothesis, ParameterSearch } from './cause.ts';

const PROBS = 'self_attn.attn_probs';
const OUT = 'self_attn.attn_out';

/** The usual scales, and the one that the ratio of two weights of a row asks for. */
function scaleHypotheses(suspect: Suspect): Hypothesis[] {
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
function scaleSearch({ candidate: { config } }: Suspect): ParameterSearch {
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
  if (suspect.part !== PROBS || suspect.observed.known) return undefined;
  const { numHeads, headDim } = suspect.candidate.config;
  const { numRows } = suspect;
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

type Mask = (t: number, p: number) => boolean;

function maskHypotheses({ numRows, firstRow }: Suspect): Hypothesis[] {
  const masks: [string, Mask][] = [
    ['a position does not see itself', (t, p) => p < t],
    ['a position but the first does not see itself', (t, p) => p < t || t + p === 0],
    ['the first position is hidden', (t, p) => p <= t && (p > 0 || t === 0)],
    ['a position sees only itself', (t, p) => p === t],
  ];
  // A window shows first at the row that is as far from the first as it is wide.
  const widths = new Set<number>([firstRow].filter((width) => width > 0));
  for (let width = 1; width < numRows; width = width < 8 ? width + 1 : width * 2) widths.add(width);
  for (const width of widths) {
    masks.push([`a window of ${width} positions`, (t, p) => p <= t && p > t - width]);
  }
  for (const block of [firstRow, 2, 4, 8, 16].filter((size) => size > 1 && size < numRows)) {
    const seen: Mask = (t, p) => p <= t && Math.floor(p / block) === Math.floor(t / block);
    masks.push([`blocks of ${block} positions that do not see each other`, seen]);
  }
  return masks.map(([detail, mask]) => ({ variant: { attention: { mask } }, detail }));
}

/** Masks under which a row sees what comes after it. */
function openMaskHypotheses(): Hypothesis[] {
  const causal: Mask = (t, p) => p <= t;
  const rules: [string, Variant['attention']][] = [
    ['no mask: every position sees the later ones', { mask: () => true }],
    ['a position sees the next one', { mask: (t, p) => p <= t + 1 }],
    ['the mask is the wrong way round', { mask: (t, p) => p >= t }],
    ...[-1, -10, -100].map((hiddenScore): [string, Variant['attention']] => [
      `${hiddenScore} is added to hidden scores instead of -∞`,
      { hiddenScore, mask: causal },
    ]),
    ['the mask multiplies the weights after the softmax', { maskedAfter: true }],
    ['the mask multiplies the scores, so that hidden ones are 0', { maskedScores: true }],
  ];
  return rules.map(([detail, attention]) => ({ variant: { attention }, detail, ahead: true }));
}

/** Which kv head fits which query head, solved where the inputs were traced. */
function kvHeadHypotheses(suspect: Suspect): Hypothesis[] {
  const { numHeads, numKvHeads } = suspect.candidate.config;
  if (numKvHeads === 1) return [];
  const group = numHeads / numKvHeads;
  const maps: [string, (h: number) => number][] = [
    ['tiled instead of interleaved: h mod numKvHeads', (h) => h % numKvHeads],
    ['⌊(h + 1) / group⌋', (h) => Math.min(numKvHeads - 1, Math.floor((h + 1) / group))],
    ['⌊(h - 1) / group⌋', (h) => Math.max(0, Math.floor((h - 1) / group))],
    ['the next one: ⌊h / group⌋ + 1', (h) => (Math.floor(h / group) + 1) % numKvHeads],
    ['in reverse order', (h) => numKvHeads - 1 - Math.floor(h / group)],
    ['the first one for every head', () => 0],
  ];
  const solved = solvedKvHeads(suspect);
  if (solved) maps.push([`kv heads ${solved.join(', ')} for query heads 0, 1, …`, (h) => solved[h]]);
  return maps.map(([detail, kvHead]) => ({ variant: { attention: { kvHead } }, detail }));
}

function solvedKvHeads(suspect: Suspect): number[] | undefined {
  const { config } = suspect.candidate;
  const { observed, math, numRows, part } = suspect;
  const { numHeads, numKvHeads, headDim } = config;
  const inputs = (
    part === PROBS ? ['self_attn.q_rope', 'self_attn.k_rope'] : [PROBS, 'self_attn.v_proj']
  ).map((input) => sibling(suspect, input));
  const [x, y] = inputs;
  if (!x || !y || (part !== PROBS && part !== OUT)) return undefined;
  const headOf = (i: number) =>
    part === PROBS ? Math.floor(i / numRows / numRows) : Math.floor(i / headDim) % numHeads;
  const worst = Array.from({ length: numHeads }, () => new Float64Array(numKvHeads));
  for (let g = 0; g < numKvHeads; g++) {
    const rule = { numHeads, numKvHeads, headDim, scale: 1 / Math.sqrt(headDim), kvHead: () => g };
    const combine = part === PROBS ? attentionWeights : mixed;
    const estimate = combine({ values: x }, { values: y }, rule, math);
    for (let i = 0; i < observed.values.length; i++) {
      const h = headOf(i);
      worst[h][g] = Math.max(worst[h][g], ratioAt(observed, estimate, i));
    }
  }
  return worst.map((ratios) => ratios.indexOf(Math.min(...ratios)));
}

/** Query, key and value rows split into heads the other way, and heads that are not put back in their place. */
function layoutHypotheses(suspect: Suspect): Hypothesis[] {
  const { config } = suspect.candidate;
  const { numHeads } = config;
  const hypotheses: Hypothesis[] = [];
  for (const { detail, permuted } of headPermutations(config.headDim)) {
    hypotheses.push({
      variant: {
        applies: (part) => part === OUT,
        output: (values, numRows) => permuted(values, numRows, numHeads),
      },
      detail: `attention's output: ${detail}`,
      ahead: true,
    });
  }
  const split = (x: Float64Array, heads: number) => {
    const rowSize = heads * config.headDim;
    return x.map((_, i) => {
      const [h, d] = [Math.floor((i % rowSize) / config.headDim), i % config.headDim];
      return x[i - (i % rowSize) + d * heads + h];
    });
  };
  const details: [string, (part: string) => boolean][] = [
    ['queries, keys and values', () => true],
    ['queries and keys', (part) => part !== OUT],
    ['queries', (part) => part === 'self_attn.q_rope'],
    ['keys', (part) => part === 'self_attn.k_rope'],
    ['values', (part) => part === OUT],
  ];
  for (const [what, applies] of details) {
    hypotheses.push({ variant: { applies, split }, detail: `${what} split as (headDim, heads)` });
  }
  return hypotheses;
}

/** Keys and values of another layer: a cache that layers share, or that is found by the wrong index. */
function cacheHypotheses({ candidate, layer, activations }: Suspect): Hypothesis[] {
  const { numLayers } = candidate.config;
  const others = layer === undefined ? [0] : [0, layer - 1, layer + 1, numLayers - 1];
  const isThere = (other: number) =>
    other >= 0 && other !== layer && other < numLayers && (other < (layer ?? 1) || isTraced(other));
  const isTraced = (other: number) => activations.whole(pointName(other, 'self_attn.k_rope')) !== undefined;
  return [...new Set(others)].filter(isThere).map((other) => ({
    variant: {
      reads: (name, input) => {
        const { layer: own = 0, part } = placeOf(input);
        const isCached = /attn_(probs|out)$/.test(name) && /self_attn\.(k_rope|v_proj)$/.test(part);
        return isCached && (own > other || own === layer) ? pointName(other, part) : input;
      },
    },
    detail: `keys and values of layer ${other}`,
  }));
}

/** Each head's queries or keys through a norm of their own, as in Qwen3 and Gemma 3. */
function qkNormHypotheses({ candidate: { config } }: Suspect): Hypothesis[] {
  const { headDim, rmsNormEps } = config;
  const split = (x: Float64Array) => {
    const out = x.slice();
    for (let head = 0; head < x.length; head += headDim) {
      let squares = 0;
      for (let i = head; i < head + headDim; i++) squares += x[i] * x[i];
      const scale = 1 / Math.sqrt(squares / headDim + rmsNormEps);
      for (let i = head; i < head + headDim; i++) out[i] = x[i] * scale;
    }
    return out;
  };
  return [
    { variant: { applies: (part) => part !== OUT, split }, detail: 'query and key heads are normalised' },
    {
      variant: { applies: (part) => part === 'self_attn.q_rope', split },
      detail: 'query heads are normalised',
    },
    {
      variant: { applies: (part) => part === 'self_attn.k_rope', split },
      detail: 'key heads are normalised',
    },
  ];
}

/** Value heads rotated like keys. */
function rotatedValues({ candidate, math }: Suspect): Hypothesis[] {
  const { config } = candidate;
  const rule = { frequencies: candidate.frequencies ?? ropeFrequencies(config), headDim: config.headDim };
  const split = (v: Float64Array) => rotated({ values: v }, config.numKvHeads, rule, math).values;
  return [
    {
      variant: { applies: (part) => part === OUT, split },
      detail: 'value heads are rotated too',
    },
  ];
}

function softmaxHypotheses(): Hypothesis[] {
  return [
    { variant: { attention: { plusOne: true } }, detail: '1 is added to the sum of exponentials' },
    ...[20, 30, 50].map((cap) => ({
      variant: { attention: { cap } },
      detail: `scores are capped: ${cap} · tanh(score / ${cap})`,
    })),
  ];
}

function softmaxRounding(): Hypothesis[] {
  return (['f16', 'bf16'] as const).flatMap((format) => {
    const scored = (score: number) => roundTo(format, score);
    const output = (values: Float64Array) => rounded(format, values);
    const applies = (part: string) => part === PROBS;
    return [
      { variant: { applies, attention: { scored } }, detail: `scores in ${format}` },
      { variant: { applies, attention: { scored }, output }, detail: `scores and weights in ${format}` },
    ];
  });
}

export const ATTENTION_CAUSES: readonly Cause[] = [
  {
    id: 'attention-scale',
    summary: 'scores that are not divided by √headDim',
    advice: 'scores are q · k / √headDim, once',
    parts: [PROBS],
    rows: 'later',
    hypotheses: scaleHypotheses,
    search: scaleSearch,
  },
  {
    id: 'kv-head-order',
    summary: 'query heads that read the wrong key and value heads',
    advice: 'query head h reads kv head ⌊h / group⌋ (repeat_interleave), not h mod numKvHeads (tile)',
    parts: [PROBS, OUT],
    hypotheses: kvHeadHypotheses,
  },
  {
    id: 'attention-mask',
    summary: 'a wrong attention mask',
    advice: 'position t sees positions 0 … t, itself included; hidden scores are -∞ before the softmax',
    parts: [PROBS],
    hypotheses: (suspect) => [...maskHypotheses(suspect), ...openMaskHypotheses()],
  },
  {
    id: 'attention-softmax',
    summary: 'another softmax than this network has',
    advice: 'the weights of a row are exp(score) over their sum, nothing added, nothing capped',
    parts: [PROBS],
    hypotheses: softmaxHypotheses,
  },
  {
    id: 'attention-softmax-axis',
    summary: 'a softmax over queries instead of keys',
    advice: 'the weights of a row add up to one: softmax over the last axis of [heads, rows, positions]',
    parts: [PROBS],
    hypotheses: () => [
      { variant: { attention: { overQueries: true } }, detail: 'columns add up to one', ahead: true },
    ],
  },
  {
    id: 'heads-layout',
    summary: 'heads in the wrong place: split or put together along the wrong axis',
    advice: 'view as (rows, heads, headDim), transpose for the scores, and transpose back before o_proj',
    parts: ['self_attn.q_rope', 'self_attn.k_rope', OUT],
    hypotheses: layoutHypotheses,
  },
  {
    id: 'cache-layer',
    summary: 'keys and values of another layer',
    advice: 'every layer has a cache of its own',
    parts: [PROBS, OUT],
    hypotheses: cacheHypotheses,
  },
  {
    id: 'qk-norm',
    summary: 'norms of query and key heads that this network has not',
    advice: 'SmolLM2 rotates q and k as they come from their projections',
    parts: ['self_attn.q_rope', 'self_attn.k_rope'],
    hypotheses: qkNormHypotheses,
  },
  {
    id: 'rope-on-values',
    summary: 'RoPE on value heads',
    advice: 'only query and key heads are rotated',
    parts: [OUT],
    rows: 'later',
    hypotheses: rotatedValues,
  },
  {
    id: 'softmax-rounding',
    summary: 'scores and softmax in 16 bits',
    advice: 'compute the softmax in float32',
    parts: [PROBS],
    rows: 'later',
    rounds: true,
    hypotheses: softmaxRounding,
  },
];
