// What an exercise is made of. The learner's file exports one function; the cases are its arguments, `truth` says what
// is right, and `variant` is one implementation with a switch for every mistake that people make. A mistake is a
// *mutant*: it is run on the same cases, and who gets exactly its numbers has made exactly that mistake.

import type { Outcome } from './grade.ts';

/** Numbers as a learner may return them: one, a list (typed or not), or lists of lists. */
export type Result = number | ArrayLike<number> | readonly Result[];

/** Three rungs of help, from a push to the line. */
export interface Help {
  /** Which part of the formula to look at. */
  readonly nudge: string;
  /** What the learner's code computes, beside what is meant. */
  readonly formula: string;
  /** The change, as `- wrong line` and `+ right line`. */
  readonly line: string;
}

export interface Case {
  /** What is special about it, a phrase. */
  readonly name: string;
  /** Plain values that can be cloned, for every run anew. */
  readonly args: readonly unknown[];
}

/** A function of the learner's, or one that stands in for it. */
export type Solver = (...args: never[]) => unknown;

export interface Exercise {
  /** Also the name of the learner's file and of the function that it exports, unless `entry` says another. */
  readonly name: string;
  readonly entry: string;
  readonly chapter: number;
  /** The chapter's folder, where `NAME.stub.ts` and `NAME.solution.ts` lie. */
  readonly folder: string;
  readonly title: string;
  readonly minutes: number;
  /** 1: nice to have done, 3: do not go on without. */
  readonly importance: 1 | 2 | 3;
  /** The names of the parts of a result, for messages: `['dX', 'dWeight']`. */
  readonly parts?: readonly string[];
  /** Largest error, as a share of a case's largest number, of float64 and of float32 arithmetic; 0: exact. */
  readonly digits: number;
  readonly digits32: number;
  /** The smallest case first: the first that fails is shown. */
  readonly cases: readonly Case[];
  /** Calls a solver with a case's arguments, where those are not simply passed on. */
  readonly call: (solver: Solver, args: readonly unknown[]) => unknown;
  readonly truth: Solver;
  /** The solution with mistakes: `has` says which. Without any it agrees with `truth`. */
  readonly variant: (has: (mistake: string) => boolean) => Solver;
  readonly mistakes: Readonly<Record<string, Help>>;
  /** Why it is made like that: shown when it is right. */
  readonly why: readonly string[];
  /** Sentences about a case that is wrong, where more can be found out than by its numbers alone. */
  readonly examine?: Examine;
}

/** @param index of the case */
export type Examine = (own: Outcome, want: Outcome, index: number) => Promise<string[]>;

/** What differs from exercise to exercise; the rest has a usual value. */
export interface ExerciseParts<Args extends readonly unknown[], Mistake extends string> {
  readonly name: string;
  readonly entry?: string;
  readonly chapter: number;
  readonly folder: string;
  readonly title: string;
  readonly minutes: number;
  readonly importance: 1 | 2 | 3;
  readonly parts?: readonly string[];
  readonly exact?: true;
  readonly digits?: number;
  readonly digits32?: number;
  readonly cases: readonly { readonly name: string; readonly args: Args }[];
  /** What the learner's function gets in place of a case's arguments: functions, which cannot be cloned. */
  readonly given?: (...args: Args) => readonly unknown[];
  /** Calls the learner's function, more than once perhaps; may return { result, trace }. */
  readonly drive?: (solver: (...args: never[]) => unknown, ...args: Args) => unknown;
  /** What is right, by the reference where it has the operation. */
  readonly truth: (...args: never[]) => Result;
  readonly variant: (has: (mistake: Mistake) => boolean) => (...args: never[]) => unknown;
  readonly mistakes: Readonly<Record<Mistake, Help>>;
  readonly why: readonly string[];
  readonly examine?: Examine;
}

/** Right to the last digits of float64, in any order of sums. */
const DIGITS = 1e-9;
/** Right in float32: inputs, sums and outputs rounded to 24 bits (largest seen over all solutions: 4e-7). */
const DIGITS_32 = 5e-6;

export function exercise<Args extends readonly unknown[], Mistake extends string>(
  parts: ExerciseParts<Args, Mistake>,
): Exercise {
  const { given, drive } = parts;
  return {
    ...parts,
    entry: parts.entry ?? parts.name,
    digits: parts.exact ? 0 : (parts.digits ?? DIGITS),
    digits32: parts.exact ? 0 : (parts.digits32 ?? DIGITS_32),
    call: (solver, args) => {
      if (drive) return drive(solver, ...(args as unknown as Args));
      return solver(...((given ? given(...(args as unknown as Args)) : args) as never[]));
    },
    variant: (has) => parts.variant(has),
  };
}

/** One mistake's help: the nudge, the formula, and the change of a line. */
export function help(nudge: string, formula: string, wrong: string, right: string): Help {
  return { nudge, formula, line: `- ${wrong}\n+ ${right}` };
}
