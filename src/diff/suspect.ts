// The first point that its own inputs do not explain, with everything a hypothesis about it may look at.

import { placeOf, pointName } from '../model/points.ts';
import type { AlignedTrace } from '../traces/align.ts';
import type { Estimate } from './bounds.ts';
import { type Activations, Expectation, firstRows } from './expectation.ts';
import { energyIn, fitOf, type Judgement, judge, type Observed, projectionIn } from './fit.ts';
import type { Arithmetic } from './precision.ts';
import { changesRule, type Variant } from './variant.ts';
import type { WeightSource } from './weight-source.ts';

export interface Suspect {
  readonly name: string;
  readonly layer: number | undefined;
  readonly part: string;
  readonly candidate: AlignedTrace;
  readonly reference: AlignedTrace;
  /** All weights, the norms' only (solved from the reference trace), or what there is. */
  readonly weights: WeightSource | undefined;
  readonly math: Arithmetic;
  /** The candidate's numbers, as many rows as are judged. */
  readonly activations: Activations;
  readonly numRows: number;
  readonly observed: Observed;
  /** What the point should hold, and how far off it is. */
  readonly estimate: Estimate;
  readonly judgement: Judgement;
  /** The first row with an unexplained value. */
  readonly firstRow: number;
  /** Points whose arithmetic shows in this one, and their parts: its own, and that of untraced points before it. */
  readonly behind: ReadonlySet<string>;
  readonly parts: ReadonlySet<string>;
  /** Whole layers lie between the point and what was traced before it: its bound is measured, not derived. */
  readonly far: boolean;
  /** Differences that are known of already. */
  readonly base: readonly Variant[];
  /** The network with the known differences alone, by number of rows. */
  readonly plains: Map<number, Expectation>;
}

/** Whole points of an aligned trace, as an Expectation reads them. */
export function activationsOf(trace: AlignedTrace, ids = trace.ids): Activations {
  return {
    config: trace.config,
    numRows: trace.numRows,
    frequencies: trace.frequencies,
    ids,
    whole: (name: string) => {
      const point = trace.points.get(name);
      return point && !point.known && point.resolution === 0 ? point.values : undefined;
    },
  };
}

/** The first rows of what was observed or expected at the suspect. */
export function firstRowsOf<Values extends Observed | Estimate>(
  suspect: Suspect,
  of: Values,
  numRows: number,
): Values {
  if (numRows >= suspect.numRows) return of;
  const end = (of.values.length / suspect.numRows) * numRows;
  const cut: Record<string, unknown> = { ...of };
  for (const [key, value] of Object.entries(of)) {
    if (value instanceof Float64Array || value instanceof Uint8Array) cut[key] = value.subarray(0, end);
  }
  return cut as unknown as Values;
}

/**
 * What the point would hold in a program that differs by `variant` as well; undefined when that cannot be computed.
 */
export async function underVariant(
  suspect: Suspect,
  variant: Variant,
  numRows = suspect.numRows,
): Promise<Estimate | undefined> {
  const { weights, math, name, far, part, layer } = suspect;
  const own = firstRowsOf(suspect, suspect.estimate, numRows);
  if (isOutputOnly(variant) && (!variant.applies || isOnlyAt(variant, suspect))) {
    if (!variant.output || (variant.applies && !variant.applies(part, layer))) return undefined;
    // The change has a rounding of its own.
    const values = variant.output(own.values, numRows);
    return {
      values,
      slack: values.map((value, i) => (own.slack?.[i] ?? 0) + 2 * math.unit * Math.abs(value)),
    };
  }
  const activations = firstRows(suspect.activations, numRows);
  const options = { variants: [...suspect.base, variant], valuesOnly: far, plain: plainOf(suspect, numRows) };
  const computed = await new Expectation(activations, weights, math, options).expected(name);
  if (!computed) return undefined;
  // Through many layers the bound is what was measured of the right network.
  return far ? { values: computed.values, slack: own.slack } : computed;
}

/** Whether the variant changes nothing but values of the suspect's own part. */
function isOutputOnly({ applies, output, ...rest }: Variant): boolean {
  return output !== undefined && Object.values(rest).every((member) => member === undefined);
}

function isOnlyAt(variant: Variant, { behind, name }: Suspect): boolean {
  return [...behind].every((point) => point === name || !changesRule([variant], placeOf(point), undefined));
}

/** The network with the known differences alone, computed once for all hypotheses. */
function plainOf(suspect: Suspect, numRows: number): Expectation {
  const { plains, weights, math, base, far } = suspect;
  let plain = plains.get(numRows);
  if (!plain) {
    const options = { variants: base, valuesOnly: far };
    plain = new Expectation(firstRows(suspect.activations, numRows), weights, math, options);
    plains.set(numRows, plain);
  }
  return plain;
}

export interface Fitted {
  readonly estimate: Estimate;
  readonly judgement: Judgement;
  /** Share of the unexplained that is explained. */
  readonly fit: number;
  /** Share of the energy that is left, in units of the plain expectation's bounds. */
  readonly left: number;
  /** Of what the variant changes, in those units: its cosine with the unexplained, and how far along that it goes. */
  readonly along: number;
  readonly reach: number;
  readonly numOverBefore: number;
  /** Judged by the noise of a program with the variant, and not by that of the right one. */
  readonly hasOwnNoise?: boolean;
}

/** How much of the suspect's first rows a program with the variant explains. */
export async function fitVariant(
  suspect: Suspect,
  variant: Variant,
  numRows = suspect.numRows,
): Promise<Fitted | undefined> {
  const estimate = await underVariant(suspect, variant, numRows);
  const before = firstRowsOf(suspect, suspect.estimate, numRows);
  const observed = firstRowsOf(suspect, suspect.observed, numRows);
  if (!estimate || estimate.values.length !== observed.values.length) return undefined;
  return {
    estimate,
    judgement: judge(observed, estimate),
    fit: fitOf(observed, before, estimate),
    left: energyIn(observed, estimate, before) / energyIn(observed, before, before),
    ...projectionIn(observed, estimate, before),
    numOverBefore: judge(observed, before).numOver,
  };
}

/** The candidate's own values of another point of the same layer, when it was traced whole. */
export function sibling(suspect: Suspect, part: string): Float64Array | undefined {
  if (suspect.layer === undefined) return undefined;
  return suspect.activations.whole(pointName(suspect.layer, part));
}

/** Whether `reader` holds what it should when `hidden` is computed instead of taken from the trace. */
export async function followsWithout(suspect: Suspect, reader: string, hidden: string): Promise<boolean> {
  const { activations, weights, math, base, candidate } = suspect;
  const observed = candidate.points.get(reader);
  const view = {
    ...activations,
    whole: (name: string) => (name === hidden ? undefined : activations.whole(name)),
  };
  const estimate = await new Expectation(view, weights, math, { variants: base }).expected(reader);
  return observed !== undefined && estimate !== undefined && judge(observed, estimate).worst <= 1;
}
