// The door `smollm2/train/page`: a model that is trained in a page. The run has a worker of its own (and, where the
// page is cross-origin isolated, a team of them), so the page never waits. The same recipe and tokens give the same
// bits as `smollm2 train`. Next step of the walk: remote-run.ts.

import { callback, checkOptions, count, flag, object, type Rule, type Rules } from '../base/options.ts';
import { LOAD_RULES } from '../run/load-options.ts';
import { RemoteRun, type RunListeners } from './remote-run.ts';
import type { RunSetup } from './training-messages.ts';
import { startTrainingWorker } from './training-platform.ts';

export type { Slope } from '../run/slope.ts';
export type { SampleOptions } from '../run/training-samples.ts';
export type { StepLine } from '../train/trainer.ts';
export type { TrainingCheckpoint } from '../train/training-state.ts';
export type { RunEnd, RunFacts } from './training-messages.ts';

/** A run in its worker; close it when its weights are not needed any more. */
export type TrainingRun = RemoteRun;

export interface PageTrainingOptions extends Omit<RunSetup, 'model'>, RunListeners {
  /** A GGUF file or its address: its tokenizer, and its weights where the recipe starts from a checkpoint. */
  readonly model?: string | URL | Blob;
  /** Starts the worker where a bundler cannot: `() => new Worker(address, { type: 'module' })`. */
  readonly worker?: () => Worker;
}

const anything: Rule = { expected: 'a value', isKind: () => true };

const RULES: Rules<PageTrainingOptions> = {
  recipe: object,
  tokens: object,
  tokenizer: object,
  model: anything,
  threads: LOAD_RULES.threads,
  maxSteps: count(1),
  resume: object,
  isPaused: flag,
  onStep: callback,
  onNote: callback,
  worker: callback,
};

/**
 * Starts to train a model in a worker; resolves before the first step.
 *
 * @throws RangeError, FormatError for a recipe that cannot be run with these tokens, naming the key
 * @throws OutOfMemoryError        when the run does not fit, with the plan of the memory
 *
 * @example
 * const run = await startTraining({
 *   recipe,                             // a parsed recipe, as in docs/training/recipes.md
 *   tokens: { tales: ids },             // by the recipe's dataset_folder
 *   model: '/nano.gguf',                // its tokenizer writes the samples
 *   onStep: ({ step, loss }) => curve.push([step, loss]),
 * });
 * run.pause();
 * const [text] = await run.sample(['Once upon a time']);
 * run.go();
 * const { lossHash } = await run.ended;
 * const smol = await load(await run.gguf());
 * run.close();
 */
export async function startTraining(options: PageTrainingOptions): Promise<TrainingRun> {
  const { onStep, onNote, worker, model, ...setup } = checkOptions('startTraining()', options, RULES);
  const source =
    typeof model === 'string' || model instanceof URL ? new URL(model, location.href).href : model;
  const startMember = worker ? undefined : startTrainingWorker;
  const run = new RemoteRun(worker?.() ?? startWorker(), { onStep, onNote }, startMember);
  await run.start({ ...setup, ...(source !== undefined && { model: source }) });
  return run;
}

function startWorker(): Worker {
  return new Worker(new URL('./training-run-worker.js', import.meta.url), {
    type: 'module',
    name: 'smollm2',
  });
}
