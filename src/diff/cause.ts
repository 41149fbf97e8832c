// What a hypothesis about a wrong program is made of; the list of them is causes.ts.

import type { Variant } from './expectation.ts';
import type { Suspect } from './suspect.ts';

/** One way to be wrong, with its parameters filled in. */
export interface Hypothesis {
  readonly variant: Variant;
  /** The parameters in words, such as `theta 10000, expected 100000`. */
  readonly detail: string;
}

/** A hypothesis with one positive parameter, looked for between two ends, evenly in its logarithm. */
export interface ParameterSearch {
  readonly low: number;
  readonly high: number;
  readonly hypothesis: (value: number) => Hypothesis;
}

export interface Cause {
  /** Kebab-case, stable: scripts read it. */
  readonly id: string;
  /** What is wrong, a phrase that ends "the cause is …". */
  readonly summary: string;
  /** Where to look in the program. */
  readonly advice: string;
  /** Parts in which the fault shows first; any of them must lie behind the suspect. */
  readonly parts: readonly string[];
  /** Cannot be tested from two traces alone, at least not at every point. */
  readonly needsWeights?: boolean;
  /** Upper limit of the fit: under 1 for explanations that are less specific than the others. */
  readonly ceiling?: number;
  /** Networks that have the fault, to be run on the candidate's inputs. */
  readonly hypotheses?: (suspect: Suspect) => Hypothesis[] | Promise<Hypothesis[]>;
  /** One number that is searched for when no hypothesis fits: the fault shows, its size does not. */
  readonly search?: (suspect: Suspect) => ParameterSearch | undefined;
  /** A test of its own, where no network shows the fault. */
  readonly test?: (suspect: Suspect) => Promise<{ fit: number; detail: string } | undefined>;
}

export interface TestedCause {
  readonly cause: string;
  /** Share of the unexplained that this cause explains, 0 to 1. */
  readonly fit: number;
  readonly detail: string;
}
