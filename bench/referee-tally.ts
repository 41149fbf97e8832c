// A line of the referee's bench: what it said of the faults of one kind.

export interface Tally {
  planted: number;
  visible: number;
  located: number;
  named: number;
  wrongNames: string[];
  cleared: string[];
  notJudged: number;
  seconds: number;
  slowest: number;
}

export const empty = (): Tally => ({
  planted: 0,
  visible: 0,
  located: 0,
  named: 0,
  wrongNames: [],
  cleared: [],
  notJudged: 0,
  seconds: 0,
  slowest: 0,
});

export function row(name: string, kind: string, tally: Tally): string {
  const { planted, visible, located, named, wrongNames, cleared, notJudged, seconds, slowest } = tally;
  const cells = [name, kind, planted, visible, located, named, wrongNames.length, cleared.length, notJudged];
  const time = `${(seconds / planted).toFixed(1)} s, at most ${slowest.toFixed(0)} s`;
  return `| ${[...cells, time].join(' | ')} |`;
}
