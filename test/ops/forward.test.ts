// Every operation of src/ops.ts on every engine. A new operation does not compile before it has cases; a new engine is
// a row in engines.ts, and its tests are here.

import { describe, expect, it } from 'vitest';
import { SPEED_ROWS } from '../../bench/kernels.bench.ts';
import { bitsOf } from '../support/wasm.ts';
import { attendCases } from './attend-cases.ts';
import { backwardCases } from './backward-cases.ts';
import type { ForwardCase, ForwardOp } from './case.ts';
import { addCases, embedCases, rmsNormCases, ropeCases, swigluCases } from './elementwise-cases.ts';
import { ENGINES } from './engines.ts';
import { linearCases } from './linear-cases.ts';

const CASES: Readonly<Record<ForwardOp, readonly ForwardCase[]>> = {
  embed: embedCases,
  rmsNorm: rmsNormCases,
  linear: linearCases,
  rope: ropeCases,
  remember: attendCases.filter(({ rows }) => rows <= 9),
  attend: attendCases,
  swiglu: swigluCases,
  add: addCases,
};

/** The exact results, which all engines are compared with. */
const known = new Map<ForwardCase, ReturnType<ForwardCase['exact']>>();
function exactOf(one: ForwardCase) {
  const found = known.get(one) ?? one.exact();
  known.set(one, found);
  return found;
}

const ALL = (Object.keys(CASES) as ForwardOp[]).flatMap((op) => CASES[op].map((one) => ({ op, one })));

describe.each(ENGINES)('$name', (tested) => {
  const engine = tested.make();
  const run = async (one: ForwardCase, chunk: number) => {
    const mark = engine.mark();
    const values = await one.run(engine, chunk);
    engine.release(mark);
    return values;
  };

  it.each(ALL)('$op of $one.name: within its roundings of the formula in float64', async ({ one }) => {
    const got = await run(one, one.rows);
    const { values, magnitudes } = exactOf(one);
    const slack = one.slack?.(tested) ?? 0;
    const roundings = one.roundings(tested);
    let worst = { at: -1, share: 0, got: 0, exact: 0 };
    for (const [at, exact] of values.entries()) {
      const extra = typeof slack === 'number' ? slack : slack[at];
      const bound = roundings * tested.eps * magnitudes[at] + extra;
      const off = Math.abs(got[at] - exact);
      const share = off === 0 ? 0 : off / bound;
      if (!(share <= worst.share)) worst = { at, share, got: got[at], exact };
    }
    expect(got.length).toBe(values.length);
    expect(worst.share, `share of the bound: ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
  });

  const inPieces = ALL.filter(({ one }) => one.chunks.length > 0);
  it.each(inPieces)(
    '$op of $one.name: the same bits in chunks of $one.chunks',
    { tags: ['slow'] },
    async ({ one }) => {
      const whole = bitsOf(await run(one, one.rows));
      for (const chunk of one.chunks) expect(bitsOf(await run(one, chunk))).toBe(whole);
    },
  );

  const withLanes = ALL.filter(({ one }) => tested.hasLanes && one.lanes?.(tested));
  if (withLanes.length > 0) {
    it.each(withLanes)('$op of $one.name: the bits of its lane model', async ({ one }) => {
      const got = Float32Array.from(await run(one, one.rows));
      const rowSize = got.length / one.rows;
      for (const { row, values } of one.lanes?.(tested) ?? []) {
        const found = got.slice(row * rowSize, (row + 1) * rowSize);
        if (bitsOf(found) !== bitsOf(values)) expect(found).toEqual(values);
      }
    });
  }
});

describe.each(Object.keys(CASES) as ForwardOp[])('%s', (op) => {
  it('has a gradient that is tested, unless it is its own or no arithmetic', () => {
    const withGradient = new Set(backwardCases.map(({ name }) => name.split(' ')[0].replace(',', '')));
    expect(withGradient.has(op) || op === 'add' || op === 'remember').toBe(true);
  });

  it('has a row in the bench of kernels', () => {
    expect(SPEED_ROWS[op]).toBeTypeOf('string');
  });
});
