// One timed function, many samples (tinybench), and the table that all benches share.

import { Bench } from 'tinybench';

/** One line of the table and of the result file. */
export interface Line {
  readonly bench: string;
  /** Operation and what it runs on. */
  readonly name: string;
  readonly shape: string;
  /** Milliseconds of one call: the middle sample, the least, and how far from the middle half of them lie. */
  readonly medianMs: number;
  readonly leastMs: number;
  readonly spreadMs: number;
  readonly rate?: number;
  readonly unit?: string;
  /** Share of what this machine was measured to do at best (roofline.ts), 0 to 1. */
  readonly share?: number;
  /** Of the results, computed outside the timer: equal where the results are. */
  readonly checksum?: string;
}

export interface Timing {
  readonly medianMs: number;
  readonly leastMs: number;
  readonly spreadMs: number;
}

/** Samples `run` for about a third of a second after a warm-up; a call repeats it so often that the clock sees it. */
export async function sample(run: () => void, repeat = 1): Promise<Timing> {
  const bench = new Bench({ time: 300, iterations: 5, warmupTime: 100, warmupIterations: 2 });
  bench.add('run', () => {
    for (let i = 0; i < repeat; i++) run();
  });
  const [task] = await bench.run();
  const { result } = task;
  if (!('latency' in result)) throw new Error(`bench: expected samples, got ${result.state}`);
  const { p50, min, mad } = result.latency;
  return { medianMs: p50 / repeat, leastMs: min / repeat, spreadMs: mad / repeat };
}

/** Times of a few long runs, which need no clock of nanoseconds. */
export function timingOf(runsMs: readonly number[]): Timing {
  const sorted = [...runsMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  return { medianMs: at(0.5), leastMs: sorted[0], spreadMs: at(1) - at(0) };
}

export function printLine(line: Line): void {
  const { bench, name, shape, medianMs, leastMs, spreadMs, rate, unit = '', share, checksum = '' } = line;
  const ms = [medianMs, leastMs, spreadMs].map((value) => formatMs(value).padStart(10)).join('');
  const speed = rate === undefined ? '' : `${rate.toFixed(1)} ${unit}`;
  const part = share === undefined ? '' : `${(100 * share).toFixed(0)} %`;
  const columns = [
    bench.padEnd(11),
    name.padEnd(30),
    shape.padEnd(22),
    ms,
    speed.padStart(14),
    part.padStart(7),
  ];
  console.log(`${columns.join('')}  ${checksum}`);
}

export const HEADING =
  'bench      operation                     shape                     median     least    spread          rate  share';

function formatMs(ms: number): string {
  if (ms >= 1) return `${ms.toFixed(ms >= 100 ? 0 : 2)} ms`;
  return ms >= 1e-3 ? `${(ms * 1e3).toFixed(1)} us` : `${(ms * 1e6).toFixed(0)} ns`;
}
