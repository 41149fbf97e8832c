// Compares two traces: every point of the candidate is judged by its own inputs, the first that they do not
// explain is the suspect, and the suspect is tested for every known cause. The reference trace is the trusted
// one.

import type { ModelConfig } from '../config.ts';
import { allPoints, inputsOf, isProjection, placeOf } from '../model/points.ts';
import { type AlignedPoint, type AlignedTrace, align } from '../traces/align.ts';
import type { RawTrace } from '../traces/raw-trace.ts';
import type { Estimate } from './bounds.ts';
import type { TestedCause } from './cause.ts';
import { CAUSES, NAMED_FIT, testCauses } from './causes.ts';
import { Expectation } from './expectation.ts';
import { type Judgement, judge } from './fit.ts';
import { configFromShapes, traceWeights, withMeasuredConstants } from './infer.ts';
import { type Narrowing, narrow } from './narrow.ts';
import { type Arithmetic, arithmeticOf, type FloatFormat, narrowestFormat, UNIT } from './precision.ts';
import { appliesWeightFirst, castOrder } from './precision-causes.ts';
import { activationsOf, type Suspect } from './suspect.ts';
import type { WeightSource } from './weight-source.ts';

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
  readonly explained: boolean;
  /** Largest difference from what the point's inputs ask for, in units of its bound. */
  readonly ratio: number;
  /** Root mean square of the difference over that of the reference. */
  readonly relative: number;
  /** The same for each token row. */
  readonly rows: readonly number[];
  /** Token row and column of the worst value. */
  readonly worst: readonly [number, number];
}

export interface DiffReport {
  readonly reference: string;
  readonly candidate: string;
  /** Name of the first point that is not explained. */
  readonly first: string | null;
  /** Id of the cause that fits, where one does. */
  readonly cause: string | null;
  readonly candidates: readonly TestedCause[];
  /** What is known where no cause fits. */
  readonly narrowing?: Narrowing;
  readonly points: readonly DiffPoint[];
  /** The arithmetic that the candidate is held to. */
  readonly format: FloatFormat;
  readonly ids?: readonly number[];
  /** Ids of the causes that were accepted. */
  readonly accepted: readonly string[];
  /** Causes that two traces without the weights could not be tested for. */
  readonly untested: readonly string[];
  /** What was done to read the traces. */
  readonly notes: readonly string[];
}

export interface DiffOptions {
  /** The model of the reference trace; without it, products of matrices are judged by the reference alone. */
  readonly weights?: WeightSource;
  /** Holds the candidate to this arithmetic instead of the one that its numbers show. */
  readonly format?: FloatFormat;
  /** Ids of causes that are known and accepted: points that one of them explains count as explained. */
  readonly accept?: readonly string[];
  /** Called with every point as it is judged. */
  readonly onPoint?: (point: DiffPoint) => void;
}

/** Everything that stays the same from point to point. */
interface Comparison {
  readonly reference: AlignedTrace;
  readonly candidate: AlignedTrace;
  readonly weights: WeightSource;
  readonly hasModel: boolean;
  readonly math: Arithmetic;
  readonly referenceMath: Arithmetic;
  readonly expectation: Expectation;
}

/**
 * Finds the first point of the candidate that float arithmetic does not explain, and why.
 *
 * @throws RangeError when the traces have no tokens or no points in common
 */
export async function diff(
  reference: RawTrace,
  candidate: RawTrace,
  options: DiffOptions = {},
): Promise<DiffReport> {
  const unknown = options.accept?.find((id) => !CAUSES.some((cause) => cause.id === id));
  if (unknown !== undefined) throw new RangeError(`accept: expected the id of a cause, got ${unknown}`);
  const notes: string[] = [];
  let weights = options.weights;
  let comparison = compare(reference, candidate, weights, options.format);
  const otherIds = differentIds(comparison);
  if (otherIds) return otherIds;
  if (comparison.reference.numRows !== comparison.candidate.numRows) {
    const { numRows } = comparison.reference;
    throw new RangeError(
      `${candidate.name}: expected ${numRows} tokens as in ${reference.name}, got ${comparison.candidate.numRows}`,
    );
  }
  let judged = await judgePoints(comparison, options);
  if (weights && judged.suspect && (await isOffItself(comparison, judged.suspect.name))) {
    notes.push(
      `${reference.name} does not follow from the model's weights at ${judged.suspect.name} either: ` +
        'the weights were not used',
    );
    weights = undefined;
    comparison = compare(reference, candidate, undefined, options.format);
    judged = await judgePoints(comparison, options);
  }
  if (judged.points.length === 0) {
    throw new RangeError(`${candidate.name}: expected points of ${reference.name}, got none in common`);
  }
  notes.push(...comparison.candidate.notes);
  if ([...comparison.candidate.points.values()].some(({ resolution }) => resolution > 0)) {
    notes.push(
      'values are printed in decimals, and not all of them: behind the first cause all is taken from the ids; ' +
        'to go on there, dump whole tensors (examples/dump)',
    );
  }
  const explanation = judged.suspect ? await explain(judged.suspect) : undefined;
  return {
    reference: reference.name,
    candidate: candidate.name,
    first: judged.suspect?.name ?? null,
    cause: explanation?.cause ?? null,
    candidates: explanation?.candidates ?? [],
    narrowing: explanation?.narrowing,
    points: judged.points,
    format: comparison.math.format,
    ids: comparison.candidate.ids ?? comparison.reference.ids,
    accepted: options.accept ?? [],
    untested: explanation?.untested ?? [],
    notes,
  };
}

function compare(
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
  const weights = model ?? traceWeights(reference);
  const expectation = new Expectation(
    activationsOf(candidate, candidate.ids ?? reference.ids),
    weights,
    math,
  );
  return { reference, candidate, weights, hasModel: model !== undefined, math, referenceMath, expectation };
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

function differentIds({ reference, candidate, math }: Comparison): DiffReport | undefined {
  const [a, b] = [reference.ids, candidate.ids];
  if (!a || !b || (a.length === b.length && a.every((id, t) => id === b[t]))) return undefined;
  const at = a.findIndex((id, t) => id !== b[t]);
  const detail =
    at < 0 || at >= b.length
      ? `${a.length} ids against ${b.length}`
      : `id ${a[at]} against ${b[at]} at position ${at}`;
  return {
    reference: reference.name,
    candidate: candidate.name,
    first: 'input_ids',
    cause: 'input-ids',
    candidates: [{ cause: 'input-ids', fit: 1, detail }],
    points: [],
    format: math.format,
    ids: a,
    accepted: [],
    untested: [],
    notes: [],
  };
}

async function judgePoints(
  comparison: Comparison,
  { accept = [], onPoint }: DiffOptions,
): Promise<{ points: DiffPoint[]; suspect?: Suspect }> {
  const accepted = CAUSES.filter(({ id }) => accept.includes(id));
  const points: DiffPoint[] = [];
  let suspect: Suspect | undefined;
  for (const name of allPoints(comparison.reference.config.numLayers)) {
    const observed = comparison.candidate.points.get(name);
    if (!observed) continue;
    const estimate = (await comparison.expectation.expected(name)) ?? inheritedEstimate(comparison, name);
    if (!estimate || estimate.values.length !== observed.values.length) continue;
    const judgement = judge(observed, estimate);
    const { layer, part } = placeOf(name);
    const parts = Expectation.partsBehind(activationsOf(comparison.candidate), name);
    const asSuspect: Suspect = { ...comparison, part, layer, name, observed, estimate, judgement, parts };
    const weightFirst = comparison.hasModel && appliesWeightFirst(await castOrder(asSuspect));
    const isPlain = judgement.worst <= 1 && !weightFirst;
    // What is computed from the ids inherits from the first wrong point, and nothing accepted brings it back.
    const inherits = suspect !== undefined && parts.has('embed_tokens');
    const mayBeAccepted = accepted.length > 0 && !inherits;
    const explained = isPlain || (mayBeAccepted && (await isExplainedBy(asSuspect, accepted)));
    const point = measured(comparison, observed, estimate, judgement, explained);
    points.push(point);
    onPoint?.(point);
    if (!explained) suspect ??= asSuspect;
  }
  return { points, suspect };
}

async function isExplainedBy(suspect: Suspect, causes: typeof CAUSES): Promise<boolean> {
  const { tested } = await testCauses(suspect, causes);
  return (tested[0]?.fit ?? 0) >= NAMED_FIT;
}

/**
 * Without the weights, a product can be judged by the reference alone: its inputs differ by some share of
 * their size, and a matrix stretches what is unusual about a row by a few times what it makes of the row
 * itself.
 */
const STRETCH = 8;

function inheritedEstimate(comparison: Comparison, name: string): Estimate | undefined {
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
function rowErrors(point: AlignedPoint, expected: Float64Array, numRows: number): number[] {
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

function measured(
  comparison: Comparison,
  observed: AlignedPoint,
  estimate: Estimate,
  judgement: Judgement,
  explained: boolean,
): DiffPoint {
  const { numRows } = comparison.reference;
  const reference = comparison.reference.points.get(observed.name);
  const expected = reference && !reference.known ? reference.values : estimate.values;
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
    name: observed.name,
    maxAbs,
    // An accepted cause explains what the plain bound does not.
    bound: explained ? Math.max(allowed, judgement.worst > 1 ? maxAbs : 0) : ofWorst,
    explained,
    ratio: judgement.worst,
    relative: Math.sqrt(rows.reduce((sum, row) => sum + row * row, 0) / numRows),
    rows,
    worst: [Math.floor(judgement.at / size), judgement.at % size],
  };
}

/** Whether the reference trace breaks the same bound at the same point: then the weights are not its own. */
async function isOffItself(comparison: Comparison, name: string): Promise<boolean> {
  const { reference, weights, referenceMath } = comparison;
  const observed = reference.points.get(name);
  if (!observed) return false;
  const estimate = await new Expectation(activationsOf(reference), weights, referenceMath).expected(name);
  return estimate !== undefined && judge(observed, estimate).worst > 4;
}

async function explain(suspect: Suspect) {
  const { tested, skipped } = await testCauses(suspect, CAUSES);
  const candidates = tested.filter(({ fit }) => fit > 0.01).slice(0, 8);
  const named = candidates.length > 0 && candidates[0].fit >= NAMED_FIT;
  return {
    cause: named ? candidates[0].cause : null,
    candidates,
    narrowing: named ? undefined : await narrow(suspect),
    untested: skipped,
  };
}
