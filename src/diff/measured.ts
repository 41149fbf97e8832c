// Bounds that are measured where derived ones say nothing: through many layers that were not traced, a
// bound that adds
// up every possible error grows past the values themselves. So the network is run twice on the candidate's
// own inputs,
// exactly and with every module off by a part of its own bound, as a float program is; what comes out differs by as
// much as such a program may.

import { Rng } from '../base/rng.ts';
import type { Estimate } from './bounds.ts';
import { quantisedRows } from './causes/precision.ts';
import { type Activations, Expectation, firstRows } from './expectation.ts';
import type { Judgement } from './fit.ts';
import { type Arithmetic, arithmeticOf, type FloatFormat } from './precision.ts';
import { firstRowsOf, type Suspect, underVariant } from './suspect.ts';
import type { Variant } from './variant.ts';
import type { WeightSource } from './weight-source.ts';

/** Rows that are computed through untraced layers at most; rows behind them are compared with the reference. */
export const FAR_ROWS = 48;

/**
 * Bound over measured error. Of a million normal numbers the largest is five standard deviations out, and
 * the simulated
 * program is of the least precise kind; a program whose logits differ by 20 times what float32 makes is far beyond.
 */
const BOUND_OF_NOISE = 8;

/**
 * Runs with noise where one leaves a difference over its bound. The error of the first row is one random number times
 * a pattern (its stream's largest channels): two of them are often ten times apart, and one may be next to nothing.
 */
export const MORE_SAMPLES = 6;

/** A difference over this many bounds is none that more samples would explain. */
const BEYOND_SAMPLES = 1000;

/** Whether more samples may explain what one does not. */
export function isClose({ worst }: Judgement): boolean {
  return worst > 1 && worst < BEYOND_SAMPLES;
}

/** Standard normal numbers (Box and Muller), the same in every run. */
export function normalNumbers(seed: number): () => number {
  const rng = Rng.fromSeed(seed);
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const number = spare;
      spare = undefined;
      return number;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - rng.next()));
    const angle = 2 * Math.PI * rng.next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** What a point far behind the traced ones should hold, with a measured bound. */
export async function farEstimate(
  activations: Activations,
  weights: WeightSource | undefined,
  math: Arithmetic,
  name: string,
  plain: Pick<Expectation, 'expected'>,
  variants: readonly Variant[] = [],
  numSamples = 1,
): Promise<Required<Estimate> | undefined> {
  const exact = await plain.expected(name);
  const samples: Float64Array[] = [];
  for (let seed = 1; seed <= numSamples; seed++) {
    const noisy = new Expectation(activations, weights, math, { variants, noise: normalNumbers(seed) });
    const off = await noisy.expected(name);
    if (off) samples.push(off.values);
  }
  if (!exact || samples.length === 0) return undefined;
  return { values: exact.values, slack: noiseBound(exact.values, samples, activations.numRows) };
}

/**
 * The bound of each value: of the error of its row and, where there are rows enough to tell, of its column,
 * whichever is
 * less. Single channels of the stream are a thousand times as large as the others, and their errors too.
 */
export function noiseBound(
  exact: Float64Array,
  samples: readonly Float64Array[],
  numRows: number,
): Float64Array {
  const size = exact.length / numRows;
  const rows = new Float64Array(numRows);
  const columns = new Float64Array(size);
  const squares = exact.map((value, i) => {
    return samples.reduce((sum, off) => sum + (value - off[i]) ** 2, 0) / samples.length;
  });
  for (let i = 0; i < exact.length; i++) {
    const square = squares[i];
    rows[Math.floor(i / size)] += square / size;
    columns[i % size] += square / numRows;
  }
  const all = Math.sqrt(rows.reduce((sum, square) => sum + square, 0) / numRows) || 1;
  return exact.map((_, i) => {
    const ofRow = Math.sqrt(rows[Math.floor(i / size)]);
    const ofColumn = numRows >= 4 ? Math.sqrt(columns[i % size]) : ofRow;
    // One value may stand out of its row and of its column at once (the first token's largest channels).
    const ofBoth = numRows >= 4 ? (ofRow * ofColumn) / all : 0;
    return BOUND_OF_NOISE * Math.max(Math.min(ofRow, 2 * ofColumn), ofBoth, Math.sqrt(squares[i]));
  });
}

/** What an arithmetic makes of the suspect, root mean square over the rows that are looked at. */
export interface MeasuredScale {
  readonly arithmetic: string;
  readonly rms: number;
}

/** Rows on which the scales of other arithmetics are measured. */
const SCALE_ROWS = 4;

/** The suspect's difference beside what coarser arithmetic makes of the same point. */
export async function coarseScales(suspect: Suspect): Promise<{ own: number; scales: MeasuredScale[] }> {
  const numRows = Math.min(suspect.numRows, Math.max(SCALE_ROWS, suspect.firstRow + 1));
  const { weights, name } = suspect;
  const exact = firstRowsOf(suspect, suspect.estimate, numRows).values;
  const observed = firstRowsOf(suspect, suspect.observed, numRows);
  const rmsTo = (other: Float64Array) => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < exact.length; i++) {
      if (observed.known && !observed.known[i]) continue;
      sum += (other[i] - exact[i]) ** 2;
      count++;
    }
    return Math.sqrt(sum / Math.max(1, count));
  };
  const scales: MeasuredScale[] = [];
  for (const format of ['f16', 'bf16'] as const) {
    const off = await withNoise(suspect, arithmeticOf(format), numRows);
    if (off) scales.push({ arithmetic: nameOf(format), rms: rmsTo(off.values) });
  }
  const variant: Variant = {
    linearInput: (x, inSize) => (inSize % 32 === 0 ? quantisedRows(x, 32, 127, 'f16') : x),
  };
  const quantised = weights && name ? await underVariant(suspect, variant, numRows) : undefined;
  if (quantised) scales.push({ arithmetic: '8-bit activations', rms: rmsTo(quantised.values) });
  return { own: rmsTo(observed.values), scales };
}

function nameOf(format: FloatFormat): string {
  return format === 'f16' ? 'float16' : 'bfloat16';
}

async function withNoise(suspect: Suspect, math: Arithmetic, numRows: number): Promise<Estimate | undefined> {
  const activations = firstRows(suspect.activations, numRows);
  const options = { variants: suspect.base, noise: normalNumbers(2) };
  return new Expectation(activations, suspect.weights, math, options).expected(suspect.name);
}
