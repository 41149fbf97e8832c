// npm run course:check: each stub unfinished, each solution right, each mutant wrong under exactly its own name, a
// sabotaged file refused, every grade under 200 ms; all through workers, as a learner's file runs. Prints the matrix.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXERCISES } from '../exercises.ts';
import { judge, mutantOutcomes } from '../grade.ts';
import { gradeFile } from './run.ts';

const COURSE = fileURLToPath(new URL('..', import.meta.url));
/** A grade may take so long, once the mutants of an exercise have been computed. */
const GRADE_MS = 200;

const folder = mkdtempSync(join(tmpdir(), 'course-'));
const faults: string[] = [];
const expectState = (what: string, got: string, want: string) => {
  if (got !== want) faults.push(`${what}: expected ${want}, got ${got}`);
};

for (const exercise of EXERCISES) {
  const { name, entry } = exercise;
  const path = (part: string) => join(COURSE, exercise.folder, `${name}.${part}.ts`);
  expectState(`${name} stub`, (await gradeFile(exercise, path('stub'))).verdict.state, 'unfinished');
  expectState(`${name} solution`, (await gradeFile(exercise, path('solution'))).verdict.state, 'right');
  const sabotaged = join(folder, `${name}.ts`);
  writeFileSync(sabotaged, `export function ${entry}() { return 0; }\n`);
  const { verdict } = await gradeFile(exercise, sabotaged);
  if (/right|unfinished/.test(verdict.state)) faults.push(`${name}: a constant is called ${verdict.state}`);
  const names: string[] = [];
  let slowest = 0;
  for (const mistake of Object.keys(exercise.mistakes)) {
    const outcomes = mutantOutcomes(exercise, [mistake]);
    judge(exercise, outcomes);
    const start = performance.now();
    const { state, mutant } = judge(exercise, outcomes);
    slowest = Math.max(slowest, performance.now() - start);
    expectState(`${name} with ${mistake}`, `${state} ${mutant}`, `wrong ${mistake}`);
    names.push(mistake);
  }
  if (slowest > GRADE_MS) faults.push(`${name}: a grade takes ${slowest.toFixed(0)} ms`);
  console.log(
    `${name.padEnd(17)} ${String(names.length).padStart(2)} mistakes, slowest grade ${slowest.toFixed(1)} ms`,
  );
  console.log(`    ${names.join(', ')}`);
}
rmSync(folder, { recursive: true });
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? `all ${EXERCISES.length} exercises stand` : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
