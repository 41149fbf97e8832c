// What can be said of wrong numbers without knowing the mistake: facts only, each true of every case that is wrong.

import type { Outcome } from './grade.ts';

/** Facts are facts to this share of the largest number. */
const CLOSE = 1e-6;

interface Pair {
  readonly got: readonly number[];
  readonly want: readonly number[];
}

const PROBES: readonly { readonly text: string; readonly holds: (pair: Pair) => boolean }[] = [
  {
    text: 'every number has the wrong sign',
    holds: ({ got, want }) =>
      near(
        got,
        want.map((value) => -value),
      ),
  },
  {
    text: 'the right numbers come in the wrong order',
    holds: ({ got, want }) => near(sorted(got), sorted(want)),
  },
  {
    text: 'the numbers stand one place too late',
    holds: ({ got, want }) => near(got.slice(1), want.slice(0, -1)),
  },
  {
    text: 'the numbers stand one place too early',
    holds: ({ got, want }) => near(got.slice(0, -1), want.slice(1)),
  },
  { text: 'all numbers but the first are wrong', holds: (pair) => onlyFirstRight(pair) },
  {
    text: 'only the last number is wrong',
    holds: ({ got, want }) => near(got.slice(0, -1), want.slice(0, -1)),
  },
  { text: 'every number is zero', holds: ({ got }) => got.every((value) => value === 0) },
  { text: 'every number is the same', holds: ({ got }) => got.every((value) => value === got[0]) },
];

/** Sentences about the wrong cases. */
export function probe(outcomes: readonly Outcome[], wants: readonly Outcome[]): string[] {
  const pairs: Pair[] = outcomes.flatMap(({ values: got }, i) => {
    const want = wants[i].values;
    return got && want && got.length === want.length && got.length > 1 && !near(got, want)
      ? [{ got, want }]
      : [];
  });
  const numRight = outcomes.filter(
    ({ values }, i) => values && wants[i].values && near(values, wants[i].values),
  ).length;
  const findings = numRight > 0 ? [`${numRight} of ${outcomes.length} cases are right`] : [];
  if (pairs.length === 0) return findings;
  const factors = pairs.map(factorOf);
  const [factor] = factors;
  if (factor !== undefined && factor !== -1 && factors.every((other) => other && near([other], [factor]))) {
    findings.push(`every number is ${shown(factor)} times what it should be`);
  }
  findings.push(...PROBES.filter(({ holds }) => pairs.every(holds)).map(({ text }) => text));
  return findings;
}

/** The number by which everything is multiplied, if there is one. */
function factorOf({ got, want }: Pair): number | undefined {
  const at = want.reduce((best, value, i) => (Math.abs(value) > Math.abs(want[best]) ? i : best), 0);
  const factor = got[at] / want[at];
  if (!Number.isFinite(factor) || factor === 0) return undefined;
  return near(
    got,
    want.map((value) => value * factor),
  )
    ? factor
    : undefined;
}

function onlyFirstRight({ got, want }: Pair): boolean {
  const isRight = got.map((value, i) => near([value], [want[i]]));
  return isRight[0] && !isRight.slice(1).some(Boolean);
}

function near(a: readonly number[], b: readonly number[]): boolean {
  const scale = Math.max(...b.map(Math.abs), 0) || 1;
  return a.length > 0 && a.every((value, i) => Math.abs(value - b[i]) <= CLOSE * scale);
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function shown(value: number): string {
  return String(Number(value.toPrecision(6)));
}
