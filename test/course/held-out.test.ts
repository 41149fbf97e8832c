// Solutions as learners hand them in, written from the stubs and pages alone: the grader accepts every right one, and
// says of each wrong one what is pinned beside it.

import { describe, expect, it } from 'vitest';
import { EXERCISES } from '../../course/exercises.ts';
import { grade } from '../../course/grade.ts';
import type { Learner } from './held-out/learner.ts';

interface Lists {
  right: Learner[];
  wrong: Learner[];
}
const sets = await Promise.all(
  EXERCISES.map(async (exercise) => {
    const lists: Lists = await import(new URL(`held-out/${exercise.name}.ts`, import.meta.url).href);
    return { exercise, name: exercise.name, ...lists };
  }),
);

describe.each(sets)('learners of $name', ({ exercise, right, wrong }) => {
  const verdictOn = ({ solution }: Learner) => grade(exercise, { [exercise.entry]: solution });

  it.each(right)('right: $what', (learner) => {
    expect(verdictOn(learner).state).toMatch(/^right/);
  });

  it.each(wrong)('wrong: $what', { tags: ['slow'] }, (learner) => {
    const verdict = verdictOn(learner);
    expect(verdict.state).not.toMatch(/^right/);
    expect(verdict.mutant ?? null).toBe(learner.name);
  });
});

it('four of five wrong ones were named before anything was mended', () => {
  const wrong = sets.flatMap((set) => set.wrong);
  const atFirst = wrong.filter(({ name, missedAtFirst }) => name && !missedAtFirst).length;
  const now = wrong.filter(({ name }) => name).length;
  const numRight = sets.flatMap((set) => set.right).length;
  console.info(
    `${numRight} right; ${wrong.length} wrong: ${atFirst} named in the first run, ${now} since mistakes were added`,
  );
  expect(atFirst / wrong.length).toBeGreaterThanOrEqual(0.8);
});
