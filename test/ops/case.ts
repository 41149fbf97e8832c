// What a row of the table of operations is: an operation on given numbers, its exact result, and how far from it an
// engine may be.

import { expect } from 'vitest';
import type { Engine, Ops, Values, Vector } from '../../src/ops.ts';
import type { TestedEngine } from './engines.ts';

/** Everything that computes. Fused operations have the bits of their parts: fused.test.ts. */
export type ForwardOp = Exclude<keyof Ops, 'begin' | 'view' | 'fused'>;

export interface ForwardCase {
  readonly name: string;
  readonly rows: number;
  /** Rows computed at a time, each of which must give the bits of all at once. */
  readonly chunks: readonly number[];
  /** [rows, …] on an engine, `chunk` rows at a time. */
  run(engine: Engine, chunk: number): Promise<Values>;
  /** The same by the formula, in float64, and for each value the sum of the magnitudes that it is made of. */
  exact(): { readonly values: Float64Array; readonly magnitudes: Float64Array };
  /** Roundings of an engine on the way to one value, in units of eps · magnitude. */
  roundings(engine: TestedEngine): number;
  /** What comes on top where an engine rounds inputs to fewer bits. */
  slack?(engine: TestedEngine): Float64Array | number;
  /** Some rows as the lane models have them; undefined where this engine has none for the case. */
  lanes?(
    engine: TestedEngine,
  ): readonly { readonly row: number; readonly values: Float32Array }[] | undefined;
}

const GUARD = 12345;

/** `length` values that `compute` writes; what lies behind them stays as it was. */
export async function outputOf(
  engine: Engine,
  length: number,
  compute: (out: Vector) => void,
): Promise<Values> {
  const whole = engine.vector(length + 1);
  engine.write(whole, new Float32Array(length + 1).fill(GUARD));
  compute(engine.view(whole, 0, length));
  const values = await engine.read(whole);
  expect(values[length], 'the value behind the output').toBe(GUARD);
  return values.subarray(0, length);
}

export function vectorOf(engine: Engine, values: ArrayLike<number>): Vector {
  const vector = engine.vector(values.length);
  engine.write(vector, values);
  return vector;
}

/** [rows, …] by `compute(begin, count)`, `chunk` rows at a time. */
export async function inChunks(
  rows: number,
  chunk: number,
  compute: (begin: number, count: number) => Promise<Values>,
): Promise<Values> {
  const parts: Values[] = [];
  for (let begin = 0; begin < rows; begin += chunk) {
    parts.push(await compute(begin, Math.min(chunk, rows - begin)));
  }
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
