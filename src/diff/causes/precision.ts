// Causes that are a matter of precision: a module rounded to a narrower format than the rest, activations
// quantised on their way into a product, the two orders of a cast in a norm, and a head of its own.

import { LAYER_POINTS, placeOf, streamBefore } from '../../model/points.ts';
import { type FloatFormat, rounded, roundTo, UNIT } from '../precision.ts';
import { activationsOf, type Suspect } from '../suspect.ts';
import type { Variant } from '../variant.ts';
import { allOf, mapped, type WeightSource } from '../weight-source.ts';
import type { Cause, Hypothesis } from './cause.ts';

const LINEAR = [...LAYER_POINTS.filter(({ rule }) => rule === 'linear').map(({ part }) => part), 'lm_head'];

/**
 * A module that rounds its output, its inputs, its weights, or all of them to a format narrower than the
 * rest.
 */
function roundingHypotheses(format: FloatFormat): (suspect: Suspect) => Hypothesis[] {
  return ({ math, weights, part, far }) => {
    if (UNIT[format] <= UNIT[math.format]) return [];
    const applies = (own: string) => far || own === part;
    const output: Variant = { applies, output: (values) => rounded(format, values) };
    const hypotheses = [{ variant: output, detail: `output rounded to ${format}` }];
    if (!weights || (!far && !LINEAR.includes(part))) return hypotheses;
    const linearInput = (x: Float64Array) => rounded(format, x);
    const narrowWeights = (view: WeightSource) => mapped(view, (value) => roundTo(format, value));
    return [
      ...hypotheses,
      { variant: { linearInput }, detail: `input rounded to ${format}` },
      { variant: { weights: narrowWeights }, detail: `weights rounded to ${format}` },
      { variant: { linearInput, weights: narrowWeights }, detail: `input and weights rounded to ${format}` },
      {
        variant: { ...output, linearInput, weights: narrowWeights },
        detail: `input, weights and output rounded to ${format}`,
      },
    ];
  };
}

/**
 * A cache in 16 bits, whose products are taken with float32, with 16-bit queries and weights, or as
 * llama.cpp does.
 */
function cacheHypotheses({ math }: Suspect): Hypothesis[] {
  return (['f16', 'bf16'] as const).flatMap((format) => {
    if (UNIT[format] <= UNIT[math.format]) return [];
    const cached = (x: Float64Array) => rounded(format, x);
    return [
      { variant: { cached }, detail: `keys and values in ${format}` },
      {
        variant: { cached, uncached: cached },
        detail: `keys, values and what they are multiplied with in ${format}`,
      },
      {
        variant: {
          cached,
          uncached: cached,
          attention: { summed: (sum: number) => roundTo(format, sum) },
        },
        detail: `keys, values and queries in ${format}, flash attention that sums in ${format}`,
      },
    ];
  });
}

/**
 * A number of 8 bits with `mantissa` of them after the leading one (OCP FP8), rounded to even; too large:
 * the largest.
 */
function toFloat8(value: number, mantissa: number, largest: number, smallestExponent: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), smallestExponent);
  const step = 2 ** (exponent - mantissa);
  const steps = Math.abs(value) / step;
  const floor = Math.floor(steps);
  const up = steps - floor > 0.5 || (steps - floor === 0.5 && floor % 2 === 1);
  return Math.sign(value) * Math.min((floor + (up ? 1 : 0)) * step, largest);
}

/** A cache of 8 bits. */
function smallCacheHypotheses({ candidate: { config } }: Suspect): Hypothesis[] {
  const forms: [string, (x: Float64Array) => Float64Array][] = [
    ['fp8 (e4m3)', (x) => x.map((value) => toFloat8(value, 3, 448, -6))],
    ['fp8 (e5m2)', (x) => x.map((value) => toFloat8(value, 2, 57_344, -14))],
    ['8 bits, a scale per head', (x) => quantisedRows(x, config.headDim, 127, 'f32')],
    ['8 bits, a scale per 32 values (f16)', (x) => quantisedRows(x, 32, 127, 'f16')],
    ['8 bits, a scale per row', (x) => quantisedRows(x, config.numKvHeads * config.headDim, 127, 'f32')],
    ['8 bits, one scale', (x) => quantisedRows(x, x.length, 127, 'f32')],
  ];
  return forms.map(([detail, cached]) => ({ variant: { cached }, detail: `keys and values in ${detail}` }));
}

const TF32_BITS = 10;

/** Ten bits after the leading one, as tensor cores of the TF32 kind read their inputs. */
export function toTf32(value: number): number {
  DOUBLE[0] = value;
  const exponent = WORDS[1] & EXPONENT;
  if (exponent <= TF32_BITS << 20 || exponent === EXPONENT) return value;
  // The step is a power of two: an exponent alone.
  WORDS[0] = 0;
  WORDS[1] = exponent - (TF32_BITS << 20);
  return Math.round(value / DOUBLE[0]) * DOUBLE[0];
}

/** A float64 and its two words, the upper one second. */
const DOUBLE = new Float64Array(1);
const WORDS = new Uint32Array(DOUBLE.buffer);
const EXPONENT = 0x7ff00000;

/** x in whole multiples of a scale per block: the largest value of a block becomes `levels`. */
export function quantisedRows(
  x: Float64Array,
  blockSize: number,
  levels: number,
  scaleFormat: FloatFormat,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += blockSize) {
    const block = x.subarray(begin, begin + blockSize);
    const exact = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / levels;
    const scale = roundTo(scaleFormat, exact);
    for (let i = 0; i < block.length; i++) {
      out[begin + i] = exact === 0 ? 0 : scale * Math.round(block[i] / exact);
    }
  }
  return out;
}

function quantisedHypotheses(levels: number): Hypothesis[] {
  const name = levels === 127 ? '8' : '16';
  const blocks = (size: number, format: FloatFormat): Hypothesis => ({
    variant: {
      linearInput: (x, inSize) => (inSize % size === 0 ? quantisedRows(x, size, levels, format) : x),
    },
    detail: `${name}-bit blocks of ${size}, scale in ${format}`,
  });
  return [
    blocks(32, 'f16'),
    blocks(32, 'f32'),
    blocks(256, 'f32'),
    {
      variant: { linearInput: (x, inSize) => quantisedRows(x, inSize, levels, 'f32') },
      detail: `${name} bits, one scale per token`,
    },
    {
      variant: { linearInput: (x) => quantisedRows(x, x.length, levels, 'f32') },
      detail: `${name} bits, one scale per tensor`,
    },
  ];
}

/** Share of a norm's values whose bits an order of casts gives. */
export interface CastOrder {
  /** cast(x / rms) · weight, as HuggingFace. */
  readonly castFirst: number;
  /** cast(x / rms · weight). */
  readonly weightFirst: number;
}

/** Values that a norm must have before its order of casts can be told. */
const MIN_CAST_VALUES = 100;

/**
 * Bits of a 16-bit norm under both orders of cast and weight. Both stay within the bound of the arithmetic,
 * so only the bits can tell them apart.
 *
 * @returns undefined for wider formats and where input, output or weight are not to be had
 */
export async function castOrder(
  suspect: Pick<Suspect, 'name' | 'candidate' | 'weights' | 'math'>,
): Promise<CastOrder | undefined> {
  const { name, candidate, weights, math } = suspect;
  const { layer, part } = placeOf(name);
  const is16Bit = math.format === 'f16' || math.format === 'bf16';
  if (!is16Bit || !/norm$/.test(part)) return undefined;
  const source =
    part === 'post_attention_layernorm'
      ? `model.layers.${layer}.residual_after_attention`
      : streamBefore(layer ?? candidate.config.numLayers);
  const { whole } = activationsOf(candidate);
  const x = whole(source);
  const y = whole(name);
  const weightName = `${name}.weight`;
  if (!x || !y || !weights?.shape(weightName) || y.length < MIN_CAST_VALUES) return undefined;
  const weight = rounded(math.format, await allOf(weights, weightName));
  return countCasts(x, y, weight, candidate.config.rmsNormEps, math.format);
}

function countCasts(
  x: Float64Array,
  y: Float64Array,
  weight: Float64Array,
  eps: number,
  format: FloatFormat,
): CastOrder {
  const size = weight.length;
  let castFirst = 0;
  let weightFirst = 0;
  for (let row = 0; row < x.length; row += size) {
    let squares = 0;
    for (let i = 0; i < size; i++) squares += x[row + i] ** 2;
    const scale = 1 / Math.sqrt(squares / size + eps);
    for (let i = 0; i < size; i++) {
      const plain = x[row + i] * scale;
      if (roundTo(format, roundTo(format, plain) * weight[i]) === y[row + i]) castFirst++;
      if (roundTo(format, plain * weight[i]) === y[row + i]) weightFirst++;
    }
  }
  return { castFirst: castFirst / x.length, weightFirst: weightFirst / x.length };
}

/** Whether the bits say that the weight was applied before the cast. */
export function appliesWeightFirst(order: CastOrder | undefined): boolean {
  return order !== undefined && order.weightFirst > 0.97 && order.castFirst < 0.95 * order.weightFirst;
}

export const PRECISION_CAUSES: readonly Cause[] = [
  {
    id: 'tf32',
    summary: 'matrix products whose inputs are cut to TF32',
    advice: 'turn it off for comparisons: torch.backends.cuda.matmul.allow_tf32 = False',
    parts: LINEAR,
    needsWeights: true,
    rounds: true,
    hypotheses: () => [
      {
        variant: { linearInput: (x) => x.map(toTf32) },
        detail: 'ten bits of every input (TF32, or a cast to f16)',
      },
      {
        variant: {
          linearInput: (x) => x.map(toTf32),
          weights: (view) => mapped(view, toTf32),
        },
        detail: 'ten bits of every factor (TF32, or a cast to f16)',
      },
    ],
  },
  ...(['bf16', 'f16', 'f32'] as const).map((format) => ({
    id: `${format}-rounding`,
    summary: `a module rounded to ${format} in a program that is more precise elsewhere`,
    advice: `look for a cast to ${format}, an autocast region or a kernel that works in ${format}`,
    parts: ['*'],
    rounds: true,
    hypotheses: roundingHypotheses(format),
  })),
  {
    id: 'norm-weight-before-cast',
    summary: 'a norm that applies its weight before the cast to 16 bits',
    advice: 'HuggingFace casts x / rms first and then multiplies with the weight',
    parts: ['input_layernorm', 'post_attention_layernorm', 'norm'],
    test: async (suspect) => {
      const order = await castOrder(suspect);
      if (!order || !appliesWeightFirst(order)) return undefined;
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      const detail = `bits of ${percent(order.weightFirst)} of the values, against ${percent(order.castFirst)}`;
      return { fit: order.weightFirst, leaves: 0, detail };
    },
  },
  {
    id: 'kv-cache-rounding',
    summary: 'keys and values kept in 16 or 8 bits by a program that is more precise elsewhere',
    advice: 'llama.cpp keeps its cache in f16 unless told otherwise (--cache-type-k f32 --cache-type-v f32)',
    parts: ['self_attn.attn_probs', 'self_attn.attn_out'],
    rounds: true,
    hypotheses: (suspect) => [...cacheHypotheses(suspect), ...smallCacheHypotheses(suspect)],
  },
  {
    id: 'activations-int8',
    summary: 'activations quantised to 8 bits before a matrix product',
    advice: 'llama.cpp multiplies quantised weights by 8-bit activations: expected there, a fault elsewhere',
    parts: LINEAR,
    needsWeights: true,
    rounds: true,
    hypotheses: () => quantisedHypotheses(127),
  },
  {
    id: 'activations-int16',
    summary: 'activations quantised to 16 bits before a matrix product',
    advice: 'the `fast` precision of this project does so',
    parts: LINEAR,
    needsWeights: true,
    rounds: true,
    hypotheses: () => quantisedHypotheses(32_767),
  },
];
