// Compares two traces: every point of the candidate is judged by its own inputs, the first that they do not
// explain is the suspect, and the suspect is tested for every known cause. The reference trace is the trusted
// one.

import { allPoints, placeOf } from '../model/points.ts';
import { sequenceOf } from '../traces/batch.ts';
import type { RawTrace } from '../traces/raw-trace.ts';
import { CAUSES } from './causes/all.ts';
import type { TestedCause } from './causes/cause.ts';
import { appliesWeightFirst, castOrder } from './causes/precision.ts';
import { Expectation, firstRows } from './expectation.ts';
import { judge, ratioAt } from './fit.ts';
import {
  type Comparison,
  compare,
  type DiffPoint,
  isSharp,
  judgements,
  measured,
  type PointJudgement,
} from './judge.ts';
import { coarseScales, type MeasuredScale } from './measured.ts';
import { type Narrowing, narrow } from './narrow.ts';
import type { FloatFormat } from './precision.ts';
import { firstLeft, NO_CHANCE, type SearchOptions, type Tested, testCauses, testPairs } from './search.ts';
import { activationsOf, type Suspect } from './suspect.ts';
import type { Variant } from './variant.ts';
import type { WeightSource } from './weight-source.ts';

export type { DiffPoint } from './judge.ts';

/** What a comparison says of the candidate. */
export type DiffVerdict = 'right' | 'wrong' | 'cannot-judge';

/** A fault that was named: the first, or one that shows when the first is taken as known. */
export interface NamedFault {
  readonly point: string;
  readonly cause: string;
  readonly detail: string;
}

export interface DiffReport {
  readonly reference: string;
  readonly candidate: string;
  readonly verdict: DiffVerdict;
  /** Why, where nothing was found wrong and yet not everything is right. */
  readonly reason?: string;
  /** Share of the network's points that were judged each by itself, 0 to 1. */
  readonly judged: number;
  /** Points of the network that no judged point depends on. */
  readonly uncovered: readonly string[];
  /** Name of the first point that is not explained. */
  readonly first: string | null;
  /** Id of the cause that explains it, where one does. */
  readonly cause: string | null;
  readonly candidates: readonly TestedCause[];
  /** Every fault that was named, the first one first. */
  readonly faults: readonly NamedFault[];
  /** What is special about the unexplained values. */
  readonly narrowing?: Narrowing;
  /** What coarser arithmetic makes of the first point, where no cause explains it. */
  readonly scales?: { readonly own: number; readonly scales: readonly MeasuredScale[] };
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
  /** Called while causes are tried. */
  readonly onCause?: (done: number, total: number) => void;
  /**
   * Time that judging and the search for causes may take together, in milliseconds (default 45,000). The search has at
   * least half of it, and what it has begun it ends.
   */
  readonly searchMs?: number;
}

const SEARCH_MS = 45_000;

/** When no further hypothesis is begun: what judging took is taken from the search's time, up to half of it. */
function deadlineOf({ searchMs = SEARCH_MS }: DiffOptions, judgingMs: number): number {
  return performance.now() + Math.max(searchMs / 2, searchMs - judgingMs);
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
  const begin = performance.now();
  const notes: string[] = [];
  const sequence = sequenceOf(candidate, reference);
  if (sequence.note) notes.push(sequence.note);
  let comparison = compare(reference, sequence.trace, options.weights, options.format);
  const otherIds = differentIds(comparison);
  if (otherIds) return otherIds;
  if (comparison.reference.numRows !== comparison.candidate.numRows) {
    const { numRows } = comparison.reference;
    throw new RangeError(
      `${candidate.name}: expected ${numRows} tokens as in ${reference.name}, got ${comparison.candidate.numRows}`,
    );
  }
  let judged = await judgePoints(comparison, options);
  if (options.weights && judged.suspect && (await isOffItself(comparison, judged.suspect))) {
    notes.push(
      `${reference.name} does not follow from the model's weights at ${judged.suspect.name} either: ` +
        'the weights were not used',
    );
    comparison = compare(reference, sequence.trace, undefined, options.format);
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
  const deadline = deadlineOf(options, performance.now() - begin);
  const search = { onStep: options.onCause, deadline };
  const explanation = judged.suspect ? await explain(judged.suspect, judged.wrong, search) : undefined;
  return {
    reference: reference.name,
    candidate: candidate.name,
    ...(await verdictOf(comparison, judged, explanation)),
    first: judged.suspect?.name ?? null,
    cause: explanation?.faults[0]?.cause ?? null,
    candidates: explanation?.candidates ?? [],
    faults: explanation?.faults ?? [],
    narrowing: explanation?.narrowing,
    points: judged.points,
    format: comparison.math.format,
    ids: comparison.candidate.ids ?? comparison.reference.ids,
    accepted: options.accept ?? [],
    untested: explanation?.untested ?? [],
    notes,
  };
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
    verdict: 'wrong',
    judged: 0,
    uncovered: [],
    first: 'input_ids',
    cause: 'input-ids',
    candidates: [{ cause: 'input-ids', fit: 1, leaves: 0, detail }],
    faults: [{ point: 'input_ids', cause: 'input-ids', detail }],
    points: [],
    format: math.format,
    ids: a,
    accepted: [],
    untested: [],
    notes: [],
  };
}

interface Judged {
  readonly points: DiffPoint[];
  /** The first point that is wrong. */
  readonly suspect?: Suspect;
  /** Every point that is wrong, in forward order. */
  readonly wrong: Suspect[];
  /** Points of the network that a point depends on which was judged and is explained. */
  readonly covered: ReadonlySet<string>;
}

async function judgePoints(comparison: Comparison, { accept = [], onPoint }: DiffOptions): Promise<Judged> {
  const accepted = CAUSES.filter(({ id }) => accept.includes(id));
  const points: DiffPoint[] = [];
  const wrong: Suspect[] = [];
  const covered = new Set<string>();
  for await (const found of judgements(comparison)) {
    const suspect = suspectOf(comparison, found);
    const weightFirst = comparison.hasModel && appliesWeightFirst(await castOrder(suspect));
    const isPlain = found.judgement.worst <= 1 && !weightFirst;
    // What is computed from the ids inherits from the first wrong point, and nothing accepted brings it back.
    const inherits = wrong.length > 0 && found.behind.has('model.embed_tokens');
    const mayBeAccepted = accepted.length > 0 && !inherits;
    const fits = isPlain || (mayBeAccepted && (await isExplainedBy(suspect, accepted)));
    const judged = !fits || isSharp(found.observed, found.estimate, comparison.math);
    const explained = fits && judged;
    const point = measured(comparison, found, { explained, judged });
    points.push(point);
    onPoint?.(point);
    if (!fits) wrong.push(suspect);
    if (explained) for (const name of found.behind) covered.add(name);
  }
  return { points, suspect: wrong[0], wrong, covered };
}

function suspectOf(comparison: Comparison, found: PointJudgement, base: readonly Variant[] = []): Suspect {
  const { reference, candidate, weights, math, activations } = comparison;
  const { layer, part } = placeOf(found.name);
  const { observed, estimate, numRows, behind } = found;
  const size = observed.values.length / numRows;
  const at = observed.values.findIndex(
    (_, i) => (!observed.known || observed.known[i] === 1) && !(ratioAt(observed, estimate, i) <= 1),
  );
  const isProbs = part === 'self_attn.attn_probs';
  const rowOf = (i: number) => (isProbs ? Math.floor(i / numRows) % numRows : Math.floor(i / size));
  return {
    ...found,
    layer,
    part,
    candidate,
    reference,
    weights,
    math,
    activations: firstRows(activations, numRows),
    firstRow: at < 0 ? 0 : isProbs ? firstRowOfProbs(found) : rowOf(at),
    parts: new Set([...behind].map((name) => placeOf(name).part)),
    base,
    plains: new Map(),
  };
}

function firstRowOfProbs({ observed, estimate, numRows }: PointJudgement): number {
  let first = numRows - 1;
  for (let i = 0; i < observed.values.length; i++) {
    const isKnown = !observed.known || observed.known[i] === 1;
    if (isKnown && ratioAt(observed, estimate, i) > 1)
      first = Math.min(first, Math.floor(i / numRows) % numRows);
  }
  return first;
}

/** Share of the unexplained that an accepted cause must explain. */
const ACCEPTED_FIT = 0.9;

async function isExplainedBy(suspect: Suspect, causes: typeof CAUSES): Promise<boolean> {
  const { tested } = await testCauses(suspect, causes);
  return tested.some(({ fit, explains }) => explains || fit >= ACCEPTED_FIT);
}

/** Whether the reference trace breaks the same bound at the same point: then the weights are not its own. */
async function isOffItself(
  { reference, weights, referenceMath }: Comparison,
  suspect: Suspect,
): Promise<boolean> {
  const observed = reference.points.get(suspect.name);
  if (!observed || observed.known) return false;
  if (suspect.far) {
    // The reference's own values against the network, where only its last points were traced as well.
    const own = firstRows(suspect.activations, Math.min(suspect.numRows, 2));
    const fromIds = { ...own, whole: () => undefined };
    const exact = await new Expectation(fromIds, weights, referenceMath, { valuesOnly: true }).expected(
      suspect.name,
    );
    if (!exact || !suspect.behind.has('model.embed_tokens')) return false;
    const cut = { values: observed.values.subarray(0, exact.values.length), resolution: observed.resolution };
    const slack = suspect.estimate.slack?.subarray(0, exact.values.length);
    return judge(cut, { values: exact.values, slack }).worst > 4;
  }
  const estimate = await new Expectation(activationsOf(reference), weights, referenceMath).expected(
    suspect.name,
  );
  return estimate !== undefined && judge(observed, estimate).worst > 4;
}

interface Explanation {
  readonly candidates: readonly Tested[];
  readonly faults: readonly NamedFault[];
  readonly narrowing: Narrowing;
  readonly untested: readonly string[];
  readonly scales?: DiffReport['scales'];
}

/** Faults that are looked for one behind the other. */
const MAX_FAULTS = 3;

async function explain(
  suspect: Suspect,
  wrong: readonly Suspect[],
  search: SearchOptions & { readonly deadline: number },
): Promise<Explanation> {
  const { deadline } = search;
  const { tested, skipped } = await testCauses(suspect, CAUSES, search);
  const named = tested[0]?.explains ? [tested[0]] : await pairAt(suspect, search);
  const faults: NamedFault[] = [];
  const add = (at: string, of: readonly Tested[]) => {
    for (const { cause, detail } of of) faults.push({ point: at, cause, detail });
  };
  add(suspect.name, named);
  let base = named.flatMap(({ variant }) => variant ?? []);
  let rest = wrong.slice(1);
  while (base.length > 0 && faults.length < MAX_FAULTS && performance.now() < deadline) {
    const next = await firstLeft(
      rest,
      base,
      faults.some(({ cause }) => ROUNDING.has(cause)),
    );
    if (!next) break;
    const found = await testCauses(next.suspect, CAUSES, { deadline });
    if (!found.tested[0]?.explains) break;
    add(next.suspect.name, [found.tested[0]]);
    if (!found.tested[0].variant) break;
    base = [...base, found.tested[0].variant];
    rest = rest.slice(next.at + 1);
  }
  const candidates = [...named, ...tested.filter((one) => !named.includes(one) && one.fit > 0.01)].slice(
    0,
    8,
  );
  return {
    candidates: candidates.map(({ variant, ...said }) => said),
    faults,
    narrowing: narrow(suspect),
    untested: skipped,
    ...(named.length === 0 && suspect.far ? { scales: await coarseScales(suspect) } : {}),
  };
}

/** A handful of wrong values is damage, and what is hardly over its bounds can be had from two faults by chance. */
const MIN_OVER_FOR_PAIRS = 8;
const PAIRS_MS = 15_000;

/** Two faults in one module, where that was traced itself. */
async function pairAt(suspect: Suspect, search: { deadline: number }): Promise<readonly Tested[]> {
  const { numOver, worst } = suspect.judgement;
  const isLittle = numOver < MIN_OVER_FOR_PAIRS || worst < NO_CHANCE;
  if (suspect.far || suspect.observed.known || isLittle) return [];
  return (
    (await testPairs(suspect, { deadline: Math.min(search.deadline, performance.now() + PAIRS_MS) })) ?? []
  );
}

const ROUNDING = new Set(CAUSES.filter(({ rounds }) => rounds).map(({ id }) => id));

/** A difference is as large as what an arithmetic makes up to this many times its measured scale. */
const AS_LARGE_AS = 2;

async function verdictOf(comparison: Comparison, judged: Judged, explanation: Explanation | undefined) {
  const { numLayers } = comparison.reference.config;
  const all = allPoints(numLayers);
  const share = judged.points.filter((point) => point.judged).length / all.length;
  const uncovered = all.filter((name) => !judged.covered.has(name));
  const shared = { judged: share, uncovered };
  if (explanation) {
    const { scales } = explanation;
    const alike = scales?.scales.filter(({ rms }) => scales.own <= AS_LARGE_AS * rms);
    const isFloat32 = comparison.math.format === 'f32' || comparison.math.format === 'f64';
    if (!alike || alike.length === 0 || !isFloat32) return { verdict: 'wrong' as const, ...shared, scales };
    const reason =
      `the difference is more than ${comparison.math.format} makes, but no more than ` +
      `${alike.map(({ arithmetic }) => arithmetic).join(' or ')} can make`;
    return { verdict: 'cannot-judge' as const, reason, ...shared, scales };
  }
  if (comparison.reference.numRows < 2) {
    const reason = 'one token alone shows no rotation, no mask and no scale of attention';
    return { verdict: 'cannot-judge' as const, reason, ...shared };
  }
  if (uncovered.length === 0) return { verdict: 'right' as const, ...shared };
  const reason = judged.points.every((point) => point.judged)
    ? 'nothing that was dumped depends on a part of the network'
    : 'the bounds of some points are as large as what a fault would make';
  return { verdict: 'cannot-judge' as const, reason, ...shared };
}
