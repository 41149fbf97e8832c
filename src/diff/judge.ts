// One point after the other: what it should hold, how far it may be off, and whether that says anything.

import type { ModelConfig } from '../config.ts';
import { allPoints, inputsOf, isProjection, placeOf } from '../model/points.ts';
import { type AlignedPoint, type AlignedTrace, align } from '../traces/align.ts';
import type { RawTrace } from '../traces/raw-trace.ts';
import type { Estimate } from './bounds.ts';
import { type Activations, Expectation, firstRows, pointsBehind } from './expectation.ts';
import { type Judgement, judge, type Observed } from './fit.ts';
import { configFromShapes, traceWeights, withMeasuredConstants } from './infer.ts';
import { FAR_ROWS, farEstimate, isClose, MORE_SAMPLES } from './measured.ts';
import { type Arithmetic, arithmeticOf, type FloatFormat, narrowestFormat, UNIT } from './precision.ts';
import { activationsOf } from './suspect.ts';
import { keptWeights, type WeightSource } from './weight-source.ts';

export interface DiffPoint {
  readonly name: string;
  /**
   * Largest difference from the reference trace (from the expectation where the reference lacks the point).
   */
  readonly maxAbs: number;
  /**
   * What float arithmetic and the differences of the point's own inputs explain, at the same kind of value.
   */
  readonly bound: number;
  /** Whether the bound explains the difference, and is small enough for that to mean something. */
  readonly explained: boolean;
  /** Whether anything can be said: the bound is small against the values, or the difference is over it. */
  readonly judged: boolean;
  /** Largest difference from what the point's inputs ask for, in units of its bound. */
  readonly ratio: number;
  /** Root mean square of the difference over that of the reference. */
  readonly relative: number;
  /** The same for each token row. */
  readonly rows: readonly number[];
  /** Token row and column of the worst value. */
  readonly worst: readonly [number, number];
}

/** Everything that stays the same from point to point. */
export interface Comparison {
  readonly reference: AlignedTrace;
  readonly candidate: AlignedTrace;
  readonly weights: WeightSource;
  readonly hasModel: boolean;
  readonly math: Arithmetic;
  readonly referenceMath: Arithmetic;
  readonly activations: Activations;
  readonly expectation: Expectation;
}

/** Two traces under one roof: names, shapes, arithmetic, and the weights that there are. */
export function compare(
  referenceRaw: RawTrace,
  candidateRaw: RawTrace,
  model: WeightSource | undefined,
  format: FloatFormat | undefined,
): Comparison {
  const config: ModelConfig = model?.config ?? configFromShapes(referenceRaw);
  const aligned = align(referenceRaw, config);
  const referenceMath = arithmeticOf(formatOf(aligned));
  const reference = model ? aligned : withMeasuredConstants(aligned, referenceMath);
  const { frequencies } = reference;
  const candidate = { ...align(candidateRaw, reference.config, reference), frequencies };
  const own = arithmeticOf(format ?? formatOf(candidate));
  // Norm weights solved from a trace are as coarse as the trace.
  const math = model ? own : { ...own, weightUnit: own.weightUnit + 4 * referenceMath.unit };
  const weights = keptWeights(model ?? traceWeights(reference));
  const activations = activationsOf(candidate, candidate.ids ?? reference.ids);
  const expectation = new Expectation(activations, weights, math);
  const hasModel = model !== undefined;
  return { reference, candidate, weights, hasModel, math, referenceMath, activations, expectation };
}

/**
 * The format that most products of the trace were kept in: the median of the narrowest that hold each of
 * them.
 */
export function formatOf(trace: AlignedTrace): FloatFormat {
  const formats: FloatFormat[] = [];
  for (const [name, point] of trace.points) {
    if (point.resolution > 0) return 'f32';
    const { part } = placeOf(name);
    if (isProjection(part) && !point.known) formats.push(narrowestFormat(point.values));
  }
  if (formats.length === 0) {
    for (const [name, point] of trace.points) {
      if (name !== 'model.embed_tokens') formats.push(narrowestFormat(point.values));
    }
  }
  formats.sort((a, b) => UNIT[a] - UNIT[b]);
  return formats[Math.floor((formats.length - 1) / 2)] ?? 'f32';
}

/** A point with what it should hold, before it is decided what that means. */
export interface PointJudgement {
  readonly name: string;
  readonly observed: Observed;
  readonly estimate: Estimate;
  readonly judgement: Judgement;
  readonly numRows: number;
  readonly behind: ReadonlySet<string>;
  readonly far: boolean;
}

/**
 * A bound says something when it is small against the values: one per cent of them, or a few dozen roundings of the
 * candidate's format where that is coarser.
 */
const SHARP = 0.01;
const SHARP_ROUNDINGS = 64;

export function isSharp(observed: Observed, estimate: Estimate, math: Arithmetic): boolean {
  let slack = 0;
  let energy = 0;
  for (let i = 0; i < estimate.values.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    slack += ((estimate.slack?.[i] ?? 0) + observed.resolution) ** 2;
    energy += estimate.values[i] ** 2;
  }
  return Math.sqrt(slack) <= Math.max(SHARP, SHARP_ROUNDINGS * math.unit) * Math.sqrt(energy);
}

/** Every point that the candidate shows, in forward order. */
export async function* judgements(comparison: Comparison): AsyncGenerator<PointJudgement> {
  const { reference, candidate } = comparison;
  const plains = new Map<number, Expectation>();
  let isWrongFromIds = false;
  for (const name of allPoints(reference.config.numLayers)) {
    const observed = candidate.points.get(name);
    if (!observed) continue;
    const judged = await judgeOne(comparison, name, observed, plains, isWrongFromIds);
    if (!judged) continue;
    isWrongFromIds ||= judged.judgement.worst > 1 && judged.behind.has('model.embed_tokens');
    yield judged;
  }
}

async function judgeOne(
  comparison: Comparison,
  name: string,
  observed: AlignedPoint,
  plains: Map<number, Expectation>,
  isWrongFromIds: boolean,
): Promise<PointJudgement | undefined> {
  const { activations, expectation, math, weights, reference, hasModel } = comparison;
  const behind = pointsBehind(activations, name);
  const { numRows } = activations;
  const layers = new Set([...behind].map((point) => placeOf(point).layer ?? -1));
  const isFar = hasModel && layers.size > 2;
  if (!isFar) {
    const estimate = (await expectation.expected(name)) ?? inheritedEstimate(comparison, name);
    if (!estimate || estimate.values.length !== observed.values.length) return undefined;
    const isMeant = !hasModel || layers.size < 2 || isSharp(observed, estimate, math);
    if (isMeant) {
      return { name, observed, estimate, judgement: judge(observed, estimate), numRows, behind, far: false };
    }
  }
  const whole = reference.points.get(name);
  const isFromIds = behind.has('model.embed_tokens') && !activations.whole('model.embed_tokens');
  const canTakeReference = isFromIds && whole !== undefined && !whole.known && whole.resolution === 0;
  const wanted = canTakeReference ? SCALE_ROWS : FAR_ROWS;
  const rows = Math.min(
    numRows,
    Math.max(wanted, canTakeReference ? 0 : firstKnownRow(observed, numRows) + 1),
  );
  const cut = firstRows(activations, rows);
  const plain = plains.get(rows) ?? new Expectation(cut, weights, math, { valuesOnly: true });
  plains.set(rows, plain);
  const seen = rows < numRows && !canTakeReference ? cutRows(observed, numRows, rows) : observed;
  const seenRows = canTakeReference ? numRows : rows;
  // What is computed from the ids inherits from the first wrong point: no sample explains that.
  const inherits = isWrongFromIds && behind.has('model.embed_tokens');
  for (const numSamples of [1, MORE_SAMPLES]) {
    const computed = await farEstimate(cut, weights, math, name, plain, [], numSamples);
    if (!computed) return undefined;
    const estimate = canTakeReference ? stretched(computed, whole.values, numRows, rows) : computed;
    if (estimate.values.length !== seen.values.length) return undefined;
    const judgement = judge(seen, estimate);
    if (numSamples === 1 && isClose(judgement) && !inherits) continue;
    return { name, observed: seen, estimate, judgement, numRows: seenRows, behind, far: true };
  }
  return undefined;
}

/** Rows on which float32's own error is measured where the reference has all of them. */
const SCALE_ROWS = 8;

/**
 * The reference's values with the bounds measured on their first rows: the largest of a row, for the rows
 * behind.
 */
function stretched(
  measured: Estimate,
  reference: Float64Array,
  numRows: number,
  measuredRows: number,
): Required<Estimate> {
  const size = reference.length / numRows;
  const slack = new Float64Array(reference.length);
  let largest = 0;
  for (let t = 0; t < measuredRows; t++) {
    let squares = 0;
    for (let i = t * size; i < (t + 1) * size; i++) {
      slack[i] = measured.slack?.[i] ?? 0;
      // Where the reference is not what its weights give, its difference counts as bound of nothing.
      squares += slack[i] ** 2 / size;
    }
    // The first token's stream is unlike any other's.
    if (t > 0 || measuredRows === 1) largest = Math.max(largest, Math.sqrt(squares));
  }
  slack.fill(LATER_ROWS * largest, measuredRows * size);
  return { values: reference, slack };
}

/** Errors of later rows over the largest of the first: they have more behind them. */
const LATER_ROWS = 2;

function firstKnownRow(observed: Observed, numRows: number): number {
  const at = observed.known?.indexOf(1) ?? 0;
  return at <= 0 ? 0 : Math.floor(at / (observed.values.length / numRows));
}

function cutRows(observed: Observed, numRows: number, rows: number): Observed {
  const end = (observed.values.length / numRows) * rows;
  return {
    values: observed.values.subarray(0, end),
    known: observed.known?.subarray(0, end),
    resolution: observed.resolution,
  };
}

/**
 * Without the weights, a product can be judged by the reference alone: its inputs differ by some share of
 * their size, and a matrix stretches what is unusual about a row by a few times what it makes of the row
 * itself.
 */
const STRETCH = 8;

export function inheritedEstimate(comparison: Comparison, name: string): Estimate | undefined {
  const { reference, candidate, math, referenceMath } = comparison;
  const expected = reference.points.get(name);
  if (!expected || expected.known) return undefined;
  const { numRows, config } = reference;
  const { part } = placeOf(name);
  let inherited = 0;
  const visited = new Set<string>();
  const visit = (point: string) => {
    if (visited.has(point)) return;
    visited.add(point);
    const [a, b] = [reference.points.get(point), candidate.points.get(point)];
    if (a && b && !b.known) inherited = Math.max(inherited, ...rowErrors(b, a.values, numRows));
    else for (const input of inputsOf(point, config.numLayers)) visit(input);
  };
  for (const input of inputsOf(name, config.numLayers)) visit(input);
  const inSize = part === 'mlp.down_proj' ? config.intermediateSize : config.hiddenSize;
  const own =
    4 * (math.unit + math.inputUnit + math.weightUnit) +
    4 * Math.sqrt(inSize) * math.sumUnit +
    4 * referenceMath.unit;
  const size = expected.values.length / numRows;
  const slack = new Float64Array(expected.values.length);
  for (let t = 0; t < numRows; t++) {
    let largest = 0;
    for (let o = 0; o < size; o++) largest = Math.max(largest, Math.abs(expected.values[t * size + o]));
    slack.fill(STRETCH * (inherited + own) * largest, t * size, (t + 1) * size);
  }
  return { values: expected.values, slack };
}

/** Root mean square of the difference over that of the reference, row by row; 0 where nothing is known. */
function rowErrors(point: Observed, expected: Float64Array, numRows: number): number[] {
  const size = expected.length / numRows;
  return Array.from({ length: numRows }, (_, t) => {
    let missed = 0;
    let energy = 0;
    for (let i = t * size; i < (t + 1) * size; i++) {
      if (point.known && !point.known[i]) continue;
      missed += (point.values[i] - expected[i]) ** 2;
      energy += expected[i] ** 2;
    }
    return energy > 0 ? Math.sqrt(missed / energy) : missed > 0 ? 1 : 0;
  });
}

export function measured(
  comparison: Comparison,
  { observed, estimate, judgement, numRows, name }: PointJudgement,
  { explained, judged }: { explained: boolean; judged: boolean },
): DiffPoint {
  const reference = comparison.reference.points.get(name);
  const isWhole = reference && !reference.known && reference.values.length === estimate.values.length;
  const expected = isWhole ? reference.values : estimate.values;
  const size = expected.length / numRows;
  let maxAbs = 0;
  let allowed = 0;
  for (let i = 0; i < expected.length; i++) {
    if (observed.known && !observed.known[i]) continue;
    const difference = Math.abs(observed.values[i] - expected[i]);
    maxAbs = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(maxAbs, difference);
    const inherited = Math.abs(estimate.values[i] - expected[i]);
    allowed = Math.max(allowed, inherited + (estimate.slack?.[i] ?? 0) + observed.resolution);
  }
  const rows = rowErrors(observed, expected, numRows);
  const ofWorst = (estimate.slack?.[judgement.at] ?? 0) + observed.resolution;
  return {
    name,
    maxAbs,
    // An accepted cause explains what the plain bound does not.
    bound: explained ? Math.max(allowed, judgement.worst > 1 ? maxAbs : 0) : ofWorst,
    explained,
    judged,
    ratio: judgement.worst,
    relative: Math.sqrt(rows.reduce((sum, row) => sum + row * row, 0) / numRows),
    rows,
    worst: [Math.floor(judgement.at / size), judgement.at % size],
  };
}
