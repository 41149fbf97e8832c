// What `npm run bench` hands to each bench.

import type { Line } from './measure.ts';
import type { Roofline } from './roofline.ts';
import type { BenchModel } from './weights.ts';

export interface BenchContext {
  readonly weights: BenchModel;
  readonly roofline: Roofline;
  /** 1 and so on, as many as the machine has cores; at most 4. */
  readonly threads: readonly number[];
  add(line: Omit<Line, 'bench'>): void;
  note(file: string, bytes: number, gzipBytes: number): void;
}
