import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Solver } from '../../course/exercise.ts';
import { EXERCISES } from '../../course/exercises.ts';
import { collect, flatten, grade, judge, mutantOutcomes, wants } from '../../course/grade.ts';

const root = new URL('../../course/', import.meta.url);

describe.each(EXERCISES.map((exercise) => ({ name: exercise.name, exercise })))(
  'exercise $name',
  ({ exercise }) => {
    const { folder, name, entry } = exercise;
    const learner = (part: 'stub' | 'solution') => import(new URL(`${folder}/${name}.${part}.ts`, root).href);

    it('has a stub that is unfinished', async () => {
      expect(grade(exercise, await learner('stub')).state).toBe('unfinished');
    });

    it('has a solution that is right, also when its lists are float32', async () => {
      const solution = (await learner('solution'))[entry] as Solver;
      expect(grade(exercise, { [entry]: solution }).state).toBe('right');
      const rounded = collect(exercise, { [entry]: rounding(solution) });
      // Ids are whole numbers, and what four bits and two float16 numbers make is a float32 already.
      const expected = exercise.digits32 === 0 || name === 'q4_1' ? 'right' : 'right-float32';
      expect(judge(exercise, rounded).state).toBe(expected);
    });

    it('has six mistakes or more, each called wrong and by its own name', () => {
      const mistakes = Object.keys(exercise.mistakes);
      expect(mistakes.length).toBeGreaterThanOrEqual(6);
      const verdicts = mistakes.map((mistake) => judge(exercise, mutantOutcomes(exercise, [mistake])));
      expect(verdicts.map(({ state, mutant }) => `${state} ${mutant}`)).toEqual(
        mistakes.map((mistake) => `wrong ${mistake}`),
      );
    });

    it('calls its variant without mistakes right', () => {
      expect(judge(exercise, mutantOutcomes(exercise, [])).state).toBe('right');
    });

    it('refuses a file that answers with a constant', { tags: ['slow'] }, () => {
      for (const constant of [0, [], wants(exercise)[0].values]) {
        const verdict = grade(exercise, { [entry]: () => constant });
        expect(verdict.state).not.toMatch(/right|unfinished/);
        expect(verdict.mutant).toBeUndefined();
      }
    });

    it('never reads a stub or a solution where the cases are made', () => {
      const text = readFileSync(new URL(`${folder}/${name}.exercise.ts`, root), 'utf8');
      expect(text).not.toMatch(/from '.*\.(stub|solution)\.ts'/);
    });
  },
);

/** The same function on float32 lists, with a float32 result. */
function rounding(solver: Solver): Solver {
  const narrow = (value: unknown): unknown => {
    if (value instanceof Float64Array) return Float32Array.from(value);
    return Array.isArray(value) ? value.map(narrow) : value;
  };
  const nested = (value: unknown): unknown => {
    if (typeof value === 'number') return Math.fround(value);
    return Array.from(value as ArrayLike<unknown>, nested);
  };
  return (...args: never[]) => nested(solver(...(args.map(narrow) as never[])));
}

describe('flatten', () => {
  it('says the shape of what came', () => {
    expect(flatten([[1, 2, 3], new Float32Array(3)]).shape).toBe('2×3');
    expect(flatten([[1], [1, 2]]).shape).toBe('[1, 2]');
    expect(() => flatten([undefined])).toThrow('undefined; does every path return?');
  });
});
