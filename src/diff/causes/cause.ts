// What a hypothesis about a wrong program is made of; the list of them is all.ts.

import type { Suspect } from '../suspect.ts';
import type { Variant } from '../variant.ts';

/** One way to be wrong, with its parameters filled in. */
export interface Hypothesis {
  readonly variant: Variant;
  /** The parameters in words, such as `theta 10000, expected 100000`. */
  readonly detail: string;
  /** What a row holds depends on rows after it: nothing can be told from the first rows alone. */
  readonly ahead?: boolean;
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
  /** Parts in which the fault shows first (`*`: any); one of them must lie behind the suspect. */
  readonly parts: readonly string[];
  /** The first row, which sees nothing but itself, is right under this cause. */
  readonly rows?: 'later';
  /** Cannot be tested from two traces alone, at least not at every point. */
  readonly needsWeights?: boolean;
  /** Only tested where the module itself was traced, not through layers that were not. */
  readonly near?: boolean;
  /** Many hypotheses that are seldom true: through many layers they come last. */
  readonly slow?: boolean;
  /** A matter of rounding, where a value between two steps may fall on the other: a few values may be off. */
  readonly rounds?: boolean;
  /** Networks that have the fault, to be run on the candidate's inputs. */
  readonly hypotheses?: (suspect: Suspect) => readonly Hypothesis[] | Promise<readonly Hypothesis[]>;
  /** One number that is searched for when no hypothesis fits: the fault shows, its size does not. */
  readonly search?: (suspect: Suspect) => ParameterSearch | undefined;
  /** A test of its own, where no network shows the fault; `leaves` as in `TestedCause`. */
  readonly test?: (suspect: Suspect) => Promise<{ fit: number; leaves: number; detail: string } | undefined>;
}

export interface TestedCause {
  readonly cause: string;
  /** Share of the unexplained that this cause explains, 0 to 1. */
  readonly fit: number;
  /** The largest difference that it leaves, in units of its bound: at most 1 where it explains everything. */
  readonly leaves: number;
  readonly detail: string;
}
