// Two runs, question by question: do they choose the same, how far apart are the log-likelihoods, and is a
// different choice more than a near-tie?

import { type Sample, sampleKey } from './sample.ts';

/** A question on which two runs disagree. */
export interface Disagreement {
  readonly row: number;
  readonly chosen: readonly [Sample['chosen'], Sample['chosen']];
  readonly gold: Sample['gold'];
  /**
   * By how much the first run prefers its choice to the other's, in nats of the sum; absent where none is
   * known.
   */
  readonly margin?: number;
}

export interface TaskComparison {
  readonly task: string;
  /** Questions that both runs have. */
  readonly common: number;
  readonly onlyInFirst: number;
  readonly onlyInSecond: number;
  readonly sameChoice: number;
  /** Largest and mean |Δ ln p| over all choices of the common questions; NaN where there are none. */
  readonly maxDelta: number;
  readonly meanDelta: number;
  /** Means of the first score over the common questions. */
  readonly scores: readonly [number, number];
  readonly disagreements: readonly Disagreement[];
}

/** Comparison of every task that occurs in one of the runs, in the order of their first lines. */
export function compareRuns(first: readonly Sample[], second: readonly Sample[]): TaskComparison[] {
  const names = [...new Set([...first, ...second].map(({ task }) => task))];
  const partners = new Map(second.map((sample) => [sampleKey(sample), sample]));
  return names.map((task) => {
    const left = first.filter((sample) => sample.task === task);
    const pairs = left.flatMap((a) => {
      const b = partners.get(sampleKey(a));
      return b ? [[a, b] as const] : [];
    });
    const numRight = second.filter((sample) => sample.task === task).length;
    return compareTask(task, pairs, left.length - pairs.length, numRight - pairs.length);
  });
}

function compareTask(
  task: string,
  pairs: readonly (readonly [Sample, Sample])[],
  onlyInFirst: number,
  onlyInSecond: number,
): TaskComparison {
  const deltas = pairs.flatMap(([a, b]) =>
    (a.loglikelihood ?? []).map((ll, i) => Math.abs(ll - (b.loglikelihood?.[i] ?? Number.NaN))),
  );
  const disagreements = pairs.filter(([a, b]) => a.chosen !== b.chosen).map(disagreement);
  const firstScore = (sample: Sample) => Object.values(sample.scores)[0] ?? Number.NaN;
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    task,
    common: pairs.length,
    onlyInFirst,
    onlyInSecond,
    sameChoice: pairs.length - disagreements.length,
    maxDelta: deltas.length > 0 ? deltas.reduce((a, b) => Math.max(a, b)) : Number.NaN,
    meanDelta: meanOf(deltas),
    scores: [meanOf(pairs.map(([a]) => firstScore(a))), meanOf(pairs.map(([, b]) => firstScore(b)))],
    disagreements,
  };
}

function disagreement([a, b]: readonly [Sample, Sample]): Disagreement {
  const { row, gold } = a;
  const chosen = [a.chosen, b.chosen] as const;
  const lls = a.loglikelihood;
  if (!lls || typeof a.chosen !== 'number' || typeof b.chosen !== 'number') return { row, chosen, gold };
  return { row, chosen, gold, margin: lls[a.chosen] - lls[b.chosen] };
}
