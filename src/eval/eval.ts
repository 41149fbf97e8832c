// The door of evaluation (`smollm2/eval`): benchmarks, runs, reports and comparisons, without a platform.
// Rows come from a RowSource and likelihoods from a Scorer, which the caller brings; the command line's are
// in src/runtime.

export { compareRuns, type Disagreement, type TaskComparison } from './compare-runs.ts';
export { ModelScorer } from './model-scorer.ts';
export type { Question, QuestionOptions, Request } from './questions.ts';
export { htmlReport, markdownReport, type Report, reportOf } from './report.ts';
export { type Dataset, parseRows, type Row, type RowSource } from './rows.ts';
export { type RunOptions, runTasks } from './runner.ts';
export type { Sample } from './sample.ts';
export type { Likelihood, Scorer } from './scoring.ts';
export { type PostJson, ServerScorer } from './server-scorer.ts';
export type { Doc, Grade, Style, Task } from './task.ts';
export { tasksNamed } from './task-list.ts';
