// The first point that its own inputs do not explain, with everything a hypothesis about it may look at.

import { pointName } from '../model/points.ts';
import type { AlignedTrace } from '../traces/align.ts';
import type { Estimate } from './bounds.ts';
import { Expectation, type Variant } from './expectation.ts';
import { energyIn, fitOf, type Judgement, judge, type Observed } from './fit.ts';
import type { Arithmetic } from './precision.ts';
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
  readonly observed: Observed;
  /** What the point should hold, and how far off it is. */
  readonly estimate: Estimate;
  readonly judgement: Judgement;
  /** Parts whose arithmetic shows in this point: its own, and that of untraced points before it. */
  readonly parts: ReadonlySet<string>;
}

/** Whole points of an aligned trace, as an Expectation reads them. */
export function activationsOf(trace: AlignedTrace, ids = trace.ids) {
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

/**
 * What the point would hold in a program that differs by `variant`; undefined when that cannot be computed.
 */
export async function underVariant(suspect: Suspect, variant: Variant): Promise<Estimate | undefined> {
  const { candidate, reference, weights, math, name, layer, part } = suspect;
  const activations = activationsOf(candidate, candidate.ids ?? reference.ids);
  const computed = await new Expectation(activations, weights, math, variant).expected(name);
  if (computed) return computed;
  // Without weights, products are taken from the reference trace.
  if (variant.output) return { ...suspect.estimate, values: variant.output(suspect.estimate.values) };
  if (!variant.swapsGateAndUp || layer === undefined) return undefined;
  const other = { 'mlp.gate_proj': 'mlp.up_proj', 'mlp.up_proj': 'mlp.gate_proj' }[part];
  const values = other && reference.points.get(pointName(layer, other))?.values;
  return values ? { values, slack: suspect.estimate.slack } : undefined;
}

/**
 * How much of the suspect a program with the variant explains, the mean difference that it leaves in units of
 * its own bounds, and the share of the energy that it leaves in units of the plain expectation's.
 */
export async function fitVariant(
  suspect: Suspect,
  variant: Variant,
): Promise<{ fit: number; mean: number; left: number } | undefined> {
  const estimate = await underVariant(suspect, variant);
  if (!estimate) return undefined;
  const fit = fitOf(suspect.observed, suspect.estimate, estimate);
  const left =
    energyIn(suspect.observed, estimate, suspect.estimate) /
    energyIn(suspect.observed, suspect.estimate, suspect.estimate);
  return { fit, mean: judge(suspect.observed, estimate).mean, left };
}

/** The candidate's own values of another point of the same layer, when it was traced whole. */
export function sibling(suspect: Suspect, part: string): Float64Array | undefined {
  if (suspect.layer === undefined) return undefined;
  return activationsOf(suspect.candidate).whole(pointName(suspect.layer, part));
}
