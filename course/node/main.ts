// npm run exercise                    the list
// npm run exercise rope               makes exercises/rope.ts from the stub if it is not there, and watches it
// npm run exercise rope -- --once     grades once; with --json prints the verdict as JSON

import { copyFileSync, existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Exercise } from '../exercise.ts';
import { EXERCISES } from '../exercises.ts';
import { listText, nearestName, verdictText } from '../text.ts';
import { gradeFile } from './run.ts';

const COURSE = fileURLToPath(new URL('..', import.meta.url));
/** In the package the course is JavaScript, and so are the learner's files; it is called by the package's program. */
const isPackage = import.meta.url.endsWith('.mjs');
const ENDING = isPackage ? 'mjs' : 'ts';
const named = (text: string) =>
  isPackage ? text.replace(/npm run exercise/g, 'smollm2 learn').replace(/ -- --/g, ' --') : text;
/** Where the learner's files lie: where the command is called. */
const FOLDER = resolve('exercises');
const PROGRESS = resolve(FOLDER, 'progress.json');
/** An editor may write a file in several steps. */
const SETTLE_MS = 80;

/** What is kept of an exercise: whether it was right once, its last mistake, and in how many runs on end it was made. */
interface Progress {
  readonly [name: string]: { readonly right?: boolean; readonly mistake?: string; readonly runs: number };
}

function readProgress(): Progress {
  if (!existsSync(PROGRESS)) return {};
  try {
    return JSON.parse(readFileSync(PROGRESS, 'utf8'));
  } catch {
    return {}; // a torn file: marks are lost, the learner's files are not
  }
}

function note(name: string, right: boolean, mistake?: string): number {
  const progress = readProgress();
  const last = progress[name];
  const runs = last && last.mistake === mistake ? last.runs + 1 : 1;
  const mark = { right: right || last?.right === true, mistake, runs };
  writeFileSync(PROGRESS, JSON.stringify({ ...progress, [name]: mark }, null, 2));
  return runs;
}

async function gradeOnce(exercise: Exercise, file: string, json: boolean): Promise<boolean> {
  const { verdict, lines } = await gradeFile(exercise, file);
  const isRight = verdict.state.startsWith('right');
  const runs = note(exercise.name, isRight, verdict.mutant);
  if (json) console.log(JSON.stringify(verdict));
  else console.log(named(verdictText(exercise, verdict, { lines, rungs: runs })));
  return isRight;
}

function show(exercise: Exercise): void {
  console.log(readFileSync(resolve(COURSE, exercise.folder, `${exercise.name}.solution.${ENDING}`), 'utf8'));
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { once: { type: 'boolean' }, json: { type: 'boolean' }, solution: { type: 'boolean' } },
  });
  const [name] = positionals;
  if (name === undefined) {
    const right = Object.entries(readProgress()).flatMap(([done, mark]) => (mark.right ? [done] : []));
    console.log(named(listText(EXERCISES, right)));
    return;
  }
  const exercise = EXERCISES.find((one) => one.name === name);
  if (!exercise) {
    console.error(named(`exercise: expected one of the list, got ${name}${nearestName(EXERCISES, name)}`));
    process.exitCode = 2;
    return;
  }
  if (values.solution) return show(exercise);
  mkdirSync(FOLDER, { recursive: true });
  const file = resolve(FOLDER, `${name}.${ENDING}`);
  if (!existsSync(file)) copyFileSync(resolve(COURSE, exercise.folder, `${name}.stub.${ENDING}`), file);
  const isRight = await gradeOnce(exercise, file, values.json === true);
  if (values.once) {
    process.exitCode = isRight ? 0 : 1;
    return;
  }
  console.log(`\nWatching ${file}; save it to be graded again, Ctrl-C to stop.`);
  let timer: NodeJS.Timeout | undefined;
  watch(FOLDER, (_event, changed) => {
    if (changed !== `${name}.${ENDING}`) return;
    clearTimeout(timer);
    timer = setTimeout(() => void gradeOnce(exercise, file, values.json === true), SETTLE_MS);
  });
}

await main();
