// The grader: what a learner's function returned, compared with what is right and with every known mistake. It names no
// platform; where the function runs (a worker, with a time limit) is the caller's matter: `collect` runs it, `judge`
// says what the results mean, `grade` does both at once.

import type { Case, Exercise, Help, Solver } from './exercise.ts';
import { probe } from './probe.ts';

export type State =
  | 'right'
  | 'right-float32'
  | 'wrong'
  | 'unfinished'
  | 'threw'
  | 'shape'
  | 'nan'
  | 'changed-its-input'
  | 'slow'
  | 'ended';

export interface Verdict {
  readonly exercise: string;
  readonly state: State;
  /** One sentence for the learner. */
  readonly message: string;
  /** The first case that is not right, with what came and what was wanted, and the index where they part. */
  readonly case?: string;
  readonly got?: readonly number[];
  readonly want?: readonly number[];
  readonly at?: number;
  /** The one known mistake, or the two at once, that gives exactly these numbers in every case. */
  readonly mutant?: string;
  readonly hint?: readonly Help[];
  /** What can be said without knowing the mistake. */
  readonly findings?: readonly string[];
}

/** What came of one case: numbers, or why there are none. */
export interface Outcome {
  readonly values?: readonly number[];
  /** Lengths of the lists, by their nesting: `64`, `2×3`, `number`. */
  readonly shape?: string;
  readonly error?: string;
  readonly changed?: boolean;
  /** What given operations computed on the way, by the names of their modules. */
  readonly trace?: Readonly<Record<string, readonly number[]>>;
}

/** Messages of errors that a stub throws. */
const UNFINISHED = /^todo\b/i;
/** Results larger than this are nobody's answer; they would only fill the memory. */
const MAX_VALUES = 100_000;

/** Significant digits of the numbers in a verdict, so that every host tells the same. */
const TOLD_DIGITS = 12;

/** Runs the function that a learner's module exports on every case. */
export function collect(exercise: Exercise, module: Readonly<Record<string, unknown>>): Outcome[] {
  const solver = module[exercise.entry];
  if (typeof solver !== 'function') {
    const names = Object.keys(module).join(', ') || 'nothing';
    const error = `expected \`export function ${exercise.entry}\`, got ${names}; keep the name of the stub`;
    return exercise.cases.map(() => ({ error }));
  }
  return exercise.cases.map((item) => outcome(exercise, solver as Solver, item));
}

function outcome(exercise: Exercise, solver: Solver, { args }: Case): Outcome {
  const own = structuredClone(args);
  try {
    const returned = exercise.call(solver, own);
    const { result, trace } = isTraced(returned) ? returned : { result: returned };
    const { values, shape } = flatten(result);
    return { values, shape, changed: !isEqual(own, args), ...(trace && { trace }) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), changed: !isEqual(own, args) };
  }
}

interface Traced {
  readonly result: unknown;
  readonly trace: Readonly<Record<string, readonly number[]>>;
}

function isTraced(value: unknown): value is Traced {
  return typeof value === 'object' && value !== null && 'trace' in value && 'result' in value;
}

/** One list of numbers out of whatever nesting, and its shape. @throws TypeError for what is not numbers */
export function flatten(result: unknown): { values: number[]; shape: string } {
  const values: number[] = [];
  const shape = shapeOf(result, values, 0);
  return { values, shape };
}

function shapeOf(result: unknown, values: number[], depth: number): string {
  if (typeof result === 'number' || typeof result === 'boolean') {
    if (values.length >= MAX_VALUES) throw new TypeError(`a result of more than ${MAX_VALUES} numbers`);
    values.push(Number(result));
    return 'number';
  }
  if (!isList(result) || depth > 4) throw new TypeError(`expected numbers, got ${described(result)}`);
  const shapes = Array.from(result, (item) => shapeOf(item, values, depth + 1));
  if (shapes.every((shape) => shape === 'number')) return `${shapes.length}`;
  return shapes.every((shape) => shape === shapes[0])
    ? `${shapes.length}×${shapes[0]}`
    : `[${shapes.join(', ')}]`;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function described(value: unknown): string {
  if (value === undefined) return 'undefined; does every path return?';
  if (value instanceof Promise) return 'a promise; the function must not be async';
  return value === null ? 'null' : `a ${typeof value}`;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (isList(a) && isList(b)) {
    return a.length === b.length && Array.from(a).every((item, i) => isEqual(item, b[i]));
  }
  if (a instanceof RegExp && b instanceof RegExp) return a.source === b.source;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [own, other] = [a, b] as Record<string, unknown>[];
  return (
    Object.keys(other).length === Object.keys(own).length &&
    Object.keys(other).every((key) => isEqual(own[key], other[key]))
  );
}

/** Runs and judges in one go: for modules that one trusts to end. */
export function grade(exercise: Exercise, module: Readonly<Record<string, unknown>>): Verdict {
  return judge(exercise, collect(exercise, module));
}

/** What the outcomes of the cases mean. */
export function judge(exercise: Exercise, outcomes: readonly Outcome[]): Verdict {
  const wanted = wants(exercise);
  const errors = outcomes.map((own, i) => distance(own, wanted[i]));
  const first = errors.findIndex((error, i) => !(error <= exercise.digits32) || outcomes[i].changed);
  const verdict = (state: State, message: string, more: Partial<Verdict> = {}): Verdict => ({
    exercise: exercise.name,
    state,
    message,
    ...more,
  });
  const unfinished = outcomes.find(({ error }) => error !== undefined && UNFINISHED.test(error));
  if (unfinished) return verdict('unfinished', `not finished yet: ${unfinished.error}`);
  if (first < 0) {
    const isSharp = errors.every((error) => error <= exercise.digits);
    return isSharp
      ? verdict('right', exercise.digits === 0 ? 'right' : 'right to the last digits')
      : verdict('right-float32', 'right in float32');
  }
  const [own, want] = [outcomes[first], wanted[first]];
  const place = {
    case: exercise.cases[first].name,
    ...(own.values && { got: told(own.values) }),
    want: told(want.values ?? []),
    ...(own.values && own.shape === want.shape && { at: firstDifference(exercise, own, want) }),
  };
  const known = explanation(exercise, outcomes);
  if (known) return verdict('wrong', known.message, { ...place, mutant: known.name, hint: known.help });
  return verdict(...unexplained(exercise, own, want), {
    ...place,
    ...(own.shape === want.shape && own.values && { findings: probe(outcomes, wanted) }),
  });
}

/** As a verdict tells them: the digits beyond are the host's, whose Math.exp and Math.pow are its own. */
function told(values: readonly number[]): number[] {
  return values.map((value) => Number(value.toPrecision(TOLD_DIGITS)));
}

function unexplained(exercise: Exercise, own: Outcome, want: Outcome): [State, string] {
  if (own.error?.startsWith('expected numbers')) return ['shape', own.error];
  if (own.error !== undefined) return ['threw', `it threw: ${own.error}`];
  if (own.shape !== want.shape) {
    return ['shape', `expected ${shapeText(exercise, want)}, got ${shapeText(exercise, own)}`];
  }
  if (own.values?.some(Number.isNaN))
    return ['nan', 'a value is NaN: a division 0/0, an index past the end, or ∞ − ∞'];
  if (own.changed) {
    return ['changed-its-input', 'it changed what it was given; others still need that: work on a copy'];
  }
  return ['wrong', 'no mistake that is known here gives these numbers'];
}

function shapeText({ parts }: Exercise, { shape = '' }: Outcome): string {
  const named = parts ? ` (${parts.join(', ')})` : '';
  return shape === 'number' ? 'one number' : `numbers of shape ${shape}${named}`;
}

/** The same, with what an examination of the first wrong case finds out. */
export async function examined(exercise: Exercise, outcomes: readonly Outcome[]): Promise<Verdict> {
  const verdict = judge(exercise, outcomes);
  const index = exercise.cases.findIndex(({ name }) => name === verdict.case);
  if (!exercise.examine || verdict.state !== 'wrong' || index < 0) return verdict;
  const more = await exercise.examine(outcomes[index], wants(exercise)[index], index);
  return { ...verdict, findings: [...(verdict.findings ?? []), ...more] };
}

/** What is right, case by case. */
export function wants(exercise: Exercise): readonly Outcome[] {
  return cached(WANTS, exercise, () => exercise.cases.map((item) => outcome(exercise, exercise.truth, item)));
}

/** What a mutant with these mistakes returns, case by case. */
export function mutantOutcomes(exercise: Exercise, mistakes: readonly string[]): readonly Outcome[] {
  const solver = exercise.variant((mistake) => mistakes.includes(mistake));
  return exercise.cases.map((item) => outcome(exercise, solver, item));
}

interface Explanation {
  readonly name: string;
  readonly message: string;
  readonly help: readonly Help[];
}

/** The one mutant, or else the one pair of them, that returns the same in every case; undefined when in doubt. */
function explanation(exercise: Exercise, outcomes: readonly Outcome[]): Explanation | undefined {
  if (outcomes.every(({ error }) => error !== undefined)) return undefined;
  const names = Object.keys(exercise.mistakes);
  const explains = (mistakes: readonly string[]) => isSame(exercise, outcomes, mutant(exercise, mistakes));
  const singles = names.filter((name) => explains([name]));
  if (singles.length === 1) {
    const [name] = singles;
    const help = exercise.mistakes[name];
    return { name, message: `one known mistake gives exactly these numbers: ${help.nudge}`, help: [help] };
  }
  if (singles.length > 1) return undefined;
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  const found = pairs.filter(explains);
  if (found.length !== 1) return undefined;
  const help = found[0].map((name) => exercise.mistakes[name]);
  const message = `two things at once give exactly these numbers. First: ${help[0].nudge}`;
  return { name: found[0].join(' + '), message, help };
}

function isSame(exercise: Exercise, a: readonly Outcome[], b: readonly Outcome[]): boolean {
  return a.every((own, i) => distance(own, b[i]) <= exercise.digits32);
}

/** Largest difference as a share of the wanted case's largest number; infinite where the shapes differ. */
function distance(own: Outcome, want: Outcome): number {
  if (!own.values || !want.values) return own.error !== undefined && want.error !== undefined ? 0 : Infinity;
  if (own.shape !== want.shape) return Infinity;
  let scale = 0;
  let worst = 0;
  for (const value of want.values) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  for (const [i, value] of want.values.entries()) {
    if (Object.is(own.values[i], value)) continue;
    const difference = Math.abs(own.values[i] - value);
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
  }
  return worst === 0 ? 0 : worst / (scale || 1);
}

function firstDifference({ digits32 }: Exercise, own: Outcome, want: Outcome): number {
  const [values = [], right = []] = [own.values, want.values];
  const scale = Math.max(...right.map(Math.abs)) || 1;
  return values.findIndex((value, i) => !(Math.abs(value - right[i]) <= digits32 * scale));
}

// Wants and mutants are computed when first asked for and kept, so that a second run of the learner's is instant.
const WANTS = new WeakMap<Exercise, readonly Outcome[]>();
const MUTANTS = new WeakMap<Exercise, Map<string, readonly Outcome[]>>();

function mutant(exercise: Exercise, mistakes: readonly string[]): readonly Outcome[] {
  const kept = cached(MUTANTS, exercise, () => new Map<string, readonly Outcome[]>());
  return cached(kept, mistakes.join(' + '), () => mutantOutcomes(exercise, mistakes));
}

function cached<K, V>(
  kept: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const found = kept.get(key);
  if (found !== undefined) return found;
  const made = make();
  kept.set(key, made);
  return made;
}
