// Runs a learner's file in a worker of its own and judges what came back.

import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Exercise } from '../exercise.ts';
import { examined, type Verdict } from '../grade.ts';
import { type LearnerRun, TIME_LIMIT_MS } from '../run-learner.ts';

/** Memory that a learner's code may take, in MB. */
const MAX_MEMORY_MB = 256;

export interface GradedFile {
  readonly verdict: Verdict;
  /** What the code printed. */
  readonly lines: readonly string[];
}

/** Grades a file. The time limit counts from the moment at which the worker is ready. */
export async function gradeFile(exercise: Exercise, path: string): Promise<GradedFile> {
  const run = await runFile(exercise, path);
  if (typeof run === 'object') return { verdict: await examined(exercise, run.outcomes), lines: run.lines };
  const message =
    run === 'slow'
      ? `stopped after ${TIME_LIMIT_MS / 1000} seconds: does every loop end?`
      : 'it ended its own program (process.exit, or no memory left)';
  return { verdict: { exercise: exercise.name, state: run, message }, lines: [] };
}

function runFile(exercise: Exercise, path: string): Promise<LearnerRun | 'slow' | 'ended'> {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: { name: exercise.name, file: pathToFileURL(path).href },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
    stdout: true,
    stderr: true,
  });
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = (run: LearnerRun | 'slow' | 'ended') => {
      clearTimeout(timer);
      resolve(run);
      void worker.terminate();
    };
    worker.on('message', (message: 'ready' | LearnerRun) => {
      if (message === 'ready') timer = setTimeout(finish, TIME_LIMIT_MS, 'slow');
      else finish(message);
    });
    worker.on('error', () => finish('ended'));
    worker.on('exit', () => finish('ended'));
  });
}
