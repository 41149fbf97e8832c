import type { Solver } from '../../../course/exercise.ts';

/** A solution as somebody would hand it in. */
export interface Learner {
  /** The style of a right one; what is wrong with a wrong one. */
  readonly what: string;
  readonly solution: Solver;
  /** Wrong ones: the mistake that the grader names, or null where it rightly names none. */
  readonly name?: string | null;
  /** In the first run, before anything was mended: no name, a wrong one, or taken for right. */
  readonly missedAtFirst?: true;
}
