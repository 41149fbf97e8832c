// Causes in the rotation of query and key heads.

import { f16FromNumber, f16ToNumber } from '../../base/f16.ts';
import { ropeFrequencies } from '../../base/rotations.ts';
import { rounded, roundTo } from '../precision.ts';
import { snapped, solveFrequencies, solvePositions, solveTheta } from '../solve.ts';
import { type Suspect, sibling } from '../suspect.ts';
import type { Variant } from '../variant.ts';
import type { Cause, Hypothesis, ParameterSearch } from './cause.ts';

const ROPE = ['self_attn.q_rope', 'self_attn.k_rope'];

const always =
  (variant: Variant, detail: string): (() => Hypothesis[]) =>
  () => [{ variant, detail }];

const plainFrequencies = ({ candidate }: Suspect) =>
  candidate.frequencies ?? ropeFrequencies(candidate.config);

/** Heads before the rotation, where they were traced and the suspect shows them after it. */
function beforeRotation(suspect: Suspect): { before: Float64Array; numHeads: number } | undefined {
  const { config } = suspect.candidate;
  if (suspect.observed.known || !ROPE.includes(suspect.part)) return undefined;
  const isQuery = suspect.part === 'self_attn.q_rope';
  const before = sibling(suspect, isQuery ? 'self_attn.q_proj' : 'self_attn.k_proj');
  return before && { before, numHeads: isQuery ? config.numHeads : config.numKvHeads };
}

function thetaHypothesis({ candidate: { config } }: Suspect, ropeTheta: number, fromRow = 0): Hypothesis {
  const frequencies = ropeFrequencies({ ...config, ropeTheta });
  const where = fromRow > 0 ? `, from row ${fromRow} on` : '';
  return {
    variant: {
      rope:
        fromRow > 0
          ? { frequenciesOf: (row) => (row >= fromRow ? frequencies : undefined) }
          : { frequencies },
    },
    detail: `theta ${Number(ropeTheta.toPrecision(6))}, expected ${config.ropeTheta}${where}`,
  };
}

/** Theta solved from the rotated heads, and the usual ones where the heads were not traced on both sides. */
function thetaHypotheses(suspect: Suspect): Hypothesis[] {
  const { config } = suspect.candidate;
  const thetas = new Set([10_000, 100_000, 130_000, 500_000, 1_000_000]);
  const hypotheses: Hypothesis[] = [];
  const heads = beforeRotation(suspect);
  if (heads) {
    const rowSize = heads.numHeads * config.headDim;
    for (const fromRow of new Set([0, suspect.firstRow])) {
      const cut = (values: Float64Array) => values.subarray(fromRow * rowSize);
      const frequencies = solveFrequencies(
        cut(heads.before),
        cut(suspect.observed.values),
        heads.numHeads,
        config.headDim / 2,
      );
      const theta = frequencies && solveTheta(frequencies);
      if (!theta || !(theta.quality > 0.99)) continue;
      for (const value of [theta.value, snapped(theta.value, 1e-3)]) {
        if (fromRow === 0) thetas.add(value);
        else hypotheses.push(thetaHypothesis(suspect, value, fromRow));
      }
    }
  }
  thetas.delete(config.ropeTheta);
  hypotheses.unshift(...[...thetas].map((theta) => thetaHypothesis(suspect, theta)));
  if (suspect.firstRow > 1) {
    hypotheses.push(...[10_000, 500_000].map((theta) => thetaHypothesis(suspect, theta, suspect.firstRow)));
  }
  return hypotheses;
}

/** Theta where the heads were not traced on both sides. */
function thetaSearch(suspect: Suspect): ParameterSearch {
  return { low: 1e3, high: 1e7, hypothesis: (theta) => thetaHypothesis(suspect, theta) };
}

/** Positions of every row, solved where the heads were traced on both sides. */
function positionHypotheses(suspect: Suspect): Hypothesis[] {
  const { firstRow, candidate } = suspect;
  const heads = beforeRotation(suspect);
  const solved =
    heads && solvePositions(heads.before, suspect.observed.values, heads.numHeads, plainFrequencies(suspect));
  if (solved) {
    const variant = { rope: { positionOf: (row: number) => solved[row] } };
    return [{ variant, detail: describePositions(solved) }];
  }
  const from = (begin: number, position: (row: number) => number, detail: string): Hypothesis => ({
    variant: { rope: { positionOf: (row) => (row < begin ? row : position(row)) } },
    detail,
  });
  const starts = [...new Set([firstRow, firstRow - 1])].filter((n) => n > 0 && n < candidate.numRows);
  return starts.flatMap((n) => [
    from(n, (row) => row + 1, `positions one too high from row ${n} on`),
    from(n, (row) => row - 1, `positions one too low from row ${n} on`),
    from(n, (row) => row - n, `positions start again at row ${n}`),
    from(n, () => n, `positions stand still from row ${n} on`),
    from(n, () => n - 1, `positions stand still from row ${n - 1} on`),
    from(n, () => 0, `every row from ${n} on is at position 0`),
  ]);
}

function describePositions(positions: readonly number[]): string {
  const offsets = positions.map((position, row) => position - row);
  const at = offsets.findIndex((offset) => offset !== offsets[0]);
  if (at < 0) return `first position ${positions[0]}`;
  const rest = offsets.slice(at);
  if (offsets[0] === 0 && rest.every((offset) => offset === rest[0])) {
    if (positions[at] === 0) return `positions start again at row ${at}`;
    return `positions ${rest[0] > 0 ? '+' : ''}${rest[0]} from row ${at} on`;
  }
  return `positions ${positions.slice(0, 12).join(', ')}${positions.length > 12 ? ', …' : ''}`;
}

/** A linear stretch, solved where the first pair shows it; and the usual ones. */
function scalingHypotheses(suspect: Suspect): Hypothesis[] {
  const { config } = suspect.candidate;
  const frequencies = plainFrequencies(suspect);
  const factors = new Set([2, 4, 8, 0.5]);
  const heads = beforeRotation(suspect);
  const found =
    heads && solveFrequencies(heads.before, suspect.observed.values, heads.numHeads, config.headDim / 2);
  if (found && found[0] > 0)
    factors.add(snapped(frequencies[0] / found[0], 1e-3)).add(frequencies[0] / found[0]);
  const stretched = [...factors].map((factor) => ({
    variant: { rope: { frequencies: frequencies.map((frequency) => frequency / factor) } },
    detail: `positions divided by ${Number(factor.toPrecision(6))}${factor === 0.5 ? ' (rotated twice)' : ''}`,
  }));
  if (config.ropeScaling) {
    const plain = ropeFrequencies({ ...config, ropeScaling: undefined });
    return [{ variant: { rope: { frequencies: plain } }, detail: 'plain frequencies' }, ...stretched];
  }
  const llama3 = [8, 32].map((factor) => {
    const ropeScaling = { factor, lowFreqFactor: 1, highFreqFactor: 4, originalMaxSeqLen: 8192 };
    return {
      variant: { rope: { frequencies: ropeFrequencies({ ...config, ropeScaling }) } },
      detail: `llama3 scaling with factor ${factor}, which this model has not`,
    };
  });
  return [...stretched, ...llama3];
}

/** Only the first channels of a head turn: a half, a quarter, three quarters. */
function partialHypotheses({ candidate: { config } }: Suspect): Hypothesis[] {
  const { headDim, ropeTheta } = config;
  return [0.5, 0.25, 0.75].flatMap((share) => {
    const size = 2 * Math.floor((share * headDim) / 2);
    if (size === 0 || size === headDim) return [];
    const own = ropeFrequencies({ headDim: size, ropeTheta });
    const whole = ropeFrequencies(config).subarray(0, size / 2);
    return [
      { variant: { rope: { frequencies: own } }, detail: `the first ${size} of ${headDim} channels turn` },
      {
        variant: { rope: { frequencies: whole } },
        detail: `the first ${size} of ${headDim} channels turn, by the frequencies of a whole head`,
      },
    ];
  });
}

/** Frequencies and tables in 16 bits. */
function roundingHypotheses(suspect: Suspect): Hypothesis[] {
  return (['bf16', 'f16'] as const).flatMap((format) => [
    {
      variant: { rope: { frequencies: rounded(format, plainFrequencies(suspect)) } },
      detail: `inv_freq in ${format}`,
    },
    {
      variant: {
        rope: {
          turned: (cos: number, sin: number) => [roundTo(format, cos), roundTo(format, sin)] as const,
        },
      },
      detail: `cosines and sines in ${format}`,
    },
  ]);
}

/** Positions kept in 16 bits: whole numbers over 256 (bf16) or 2048 (f16) move. */
const positionRounding = always(
  { rope: { positionOf: (row) => f16ToNumber(f16FromNumber(row)) } },
  'positions in f16',
);

export const ROPE_CAUSES: readonly Cause[] = [
  {
    id: 'rope-interleaved',
    summary: 'RoPE that rotates neighbours (0 1, 2 3, …) instead of halves',
    advice:
      'rotate_half: pair channel j with j + headDim / 2; Llama-type GGUF files need either this or permuted rows',
    parts: ROPE,
    rows: 'later',
    hypotheses: always({ rope: { interleaved: true } }, 'neighbours rotate'),
  },
  {
    id: 'rope-missing',
    summary: 'no rotation at all',
    advice: 'query and key heads are rotated before the scores',
    parts: ROPE,
    rows: 'later',
    hypotheses: () => [
      { variant: { rope: 'none' }, detail: 'heads left as projected' },
      {
        variant: { rope: 'none', applies: (part) => part !== 'self_attn.q_rope' },
        detail: 'key heads left as projected',
      },
      {
        variant: { rope: 'none', applies: (part) => part !== 'self_attn.k_rope' },
        detail: 'query heads left as projected',
      },
    ],
  },
  {
    id: 'rope-reversed',
    summary: 'a rotation the wrong way round',
    advice: 'first = x1·cos - x2·sin, second = x2·cos + x1·sin',
    parts: ROPE,
    rows: 'later',
    hypotheses: always(
      { rope: { turned: (cos, sin) => [cos, -sin] } },
      'sign of the sine (in scores the same as sine and cosine exchanged)',
    ),
  },
  {
    id: 'rope-sin-cos-swapped',
    summary: 'sine and cosine exchanged',
    advice: 'first = x1·cos - x2·sin, second = x2·cos + x1·sin',
    parts: ROPE,
    hypotheses: always({ rope: { turned: (cos, sin) => [sin, cos] } }, 'the sine where the cosine belongs'),
  },
  {
    id: 'rope-theta',
    summary: 'another base of the rotary frequencies',
    advice: 'rope_theta of the config: 100000 in SmolLM2-135M and 360M, 130000 in 1.7B',
    parts: ROPE,
    rows: 'later',
    hypotheses: thetaHypotheses,
    search: thetaSearch,
  },
  {
    id: 'position-offset',
    summary: 'wrong positions',
    advice: 'row t of a text is at position t, also when the cache holds the rows before it',
    parts: ROPE,
    rows: 'later',
    hypotheses: (suspect) => [...positionHypotheses(suspect), ...positionRounding()],
  },
  {
    id: 'rope-scaling',
    summary: 'rotary frequencies scaled otherwise than the model asks',
    advice: 'rope_scaling of the config: none in SmolLM2; where there is one, it changes the frequencies',
    parts: ROPE,
    rows: 'later',
    hypotheses: scalingHypotheses,
  },
  {
    id: 'rope-partial',
    summary: 'a rotation of only a part of each head',
    advice: 'all headDim channels rotate (partial_rotary_factor is 1)',
    parts: ROPE,
    rows: 'later',
    hypotheses: partialHypotheses,
  },
  {
    id: 'rope-frequency-rounding',
    summary: 'rotary frequencies or tables rounded to 16 bits',
    advice:
      'keep inv_freq, cos and sin in float32: model.to(dtype) casts inv_freq as well, loading with the dtype does not',
    parts: ROPE,
    rows: 'later',
    hypotheses: roundingHypotheses,
  },
];
