// Runs a learner's module where nothing can be hurt: inside a worker, in Node or in a page. What it prints is kept,
// what it returns goes back to the thread that judges; what is right never enters this thread.

import type { Exercise } from './exercise.ts';
import { collect, type Outcome } from './grade.ts';

/** A learner's code has so long; then its worker is ended. */
export const TIME_LIMIT_MS = 2000;
/** So many printed lines are kept. */
const MAX_LINES = 50;
/** Characters kept of a line. */
const MAX_LINE_LENGTH = 500;

export interface LearnerRun {
  readonly outcomes: readonly Outcome[];
  /** What the code printed. */
  readonly lines: readonly string[];
}

/** @param load imports the learner's module */
export async function runLearner(
  exercise: Exercise,
  load: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<LearnerRun> {
  const lines: string[] = [];
  const print = (...values: unknown[]) => {
    if (lines.length < MAX_LINES) lines.push(values.map(shown).join(' ').slice(0, MAX_LINE_LENGTH));
  };
  Object.assign(globalThis.console, { log: print, info: print, debug: print, warn: print, error: print });
  try {
    return { outcomes: collect(exercise, await load()), lines };
  } catch (error) {
    const message = `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { outcomes: exercise.cases.map(() => ({ error: message })), lines };
  }
}

function shown(value: unknown): string {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return `[${Array.from(value as never).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}
