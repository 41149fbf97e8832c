// The course's door, for pages and for Node: exercises and the grader. Stubs and solutions are files of their own,
// `NN-chapter/NAME.stub.ts` and `NAME.solution.ts` (see `stubFile`, `solutionFile`), which nothing here imports: a page
// loads a stub's text when its exercise is opened, and the solution's when it is asked for.
//
// A page runs a learner's code in a worker that imports this door and calls
// `runLearner(exerciseNamed(name), () => import(blobUrl))`; the page itself calls `examined` on the outcomes.

import type { Exercise } from './exercise.ts';
import { EXERCISES } from './exercises.ts';

export type { Case, Exercise, Help } from './exercise.ts';
export { EXERCISES } from './exercises.ts';
export {
  collect,
  examined,
  grade,
  judge,
  mutantOutcomes,
  type Outcome,
  type State,
  type Verdict,
} from './grade.ts';
export { type LearnerRun, runLearner, TIME_LIMIT_MS } from './run-learner.ts';
export { listText, verdictText } from './text.ts';

/** @throws RangeError for a name that is on no list */
export function exerciseNamed(name: string): Exercise {
  const found = EXERCISES.find((exercise) => exercise.name === name);
  if (!found) throw new RangeError(`exercise: expected one of the list, got ${name}`);
  return found;
}

/** Where the text that a learner starts from lies, below course/. */
export function stubFile({ folder, name }: Exercise): string {
  return `${folder}/${name}.stub.ts`;
}

/** Where the solution lies, below course/. */
export function solutionFile({ folder, name }: Exercise): string {
  return `${folder}/${name}.solution.ts`;
}
