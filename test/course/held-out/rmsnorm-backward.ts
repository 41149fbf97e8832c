import type { Learner } from './learner.ts';

type F = Float64Array;
type Args = [dOut: F, x: F, weight: F, eps: number];

/** Rows with their r and their Σ g · x. */
function rowsOf(...[dOut, x, weight, eps]: Args) {
  const n = weight.length;
  return Array.from({ length: x.length / n }, (_, t) => {
    const row = x.slice(t * n, (t + 1) * n);
    const d = dOut.slice(t * n, (t + 1) * n);
    const g = d.map((v, i) => v * weight[i]);
    const r = 1 / Math.sqrt(row.reduce((s, v) => s + v * v, 0) / n + eps);
    return { row, d, g, r, dot: g.reduce((s, v, i) => s + v * row[i], 0), n };
  });
}
type Row = ReturnType<typeof rowsOf>[number];

const dXOf = (rows: Row[], f: (row: Row, i: number) => number) =>
  rows.flatMap((row) => [...row.row.keys()].map((i) => f(row, i)));
const dWOf = (rows: Row[], f: (row: Row, i: number) => number) =>
  [...rows[0].row.keys()].map((i) => rows.reduce((s, row) => s + f(row, i), 0));
const dX = ({ row, g, r, dot, n }: Row, i: number) => r * g[i] - (row[i] * r ** 3 * dot) / n;
const dW = ({ d, row, r }: Row, i: number) => d[i] * row[i] * r;

export const right: Learner[] = [
  {
    what: 'rows as objects, maps and reduces',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [dXOf(rows, dX), dWOf(rows, dW)];
    },
  },
  {
    what: 'float32, by the normed row: r · (g − y · mean(g · y))',
    solution: (...[dOut, x, weight, eps]: Args) => {
      const n = weight.length;
      const outX = new Float32Array(x.length);
      const outW = new Float32Array(n);
      for (let at = 0; at < x.length; at += n) {
        let ss = 0;
        for (let i = 0; i < n; i++) ss += x[at + i] ** 2;
        const r = Math.fround((ss / n + eps) ** -0.5);
        let mean = 0;
        for (let i = 0; i < n; i++) mean += (dOut[at + i] * weight[i] * x[at + i] * r) / n;
        for (let i = 0; i < n; i++) {
          const y = Math.fround(x[at + i] * r);
          outX[at + i] = r * (dOut[at + i] * weight[i] - y * mean);
          outW[i] += dOut[at + i] * y;
        }
      }
      return [outX, outW];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'the weight gets the gradient of the last row only',
    name: 'last-row-only',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [dXOf(rows, dX), dWOf(rows.slice(-1), dW)];
    },
  },
  {
    what: 'r is taken for a constant: no second term',
    name: 'no-pull',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [dXOf(rows, ({ r, g }, i) => r * g[i]), dWOf(rows, dW)];
    },
  },
  {
    what: 'dOut in place of g: the weight is left out of dX',
    name: 'without-weight + dot-without-weight',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      const own = ({ row, d, r, n }: Row, i: number) =>
        r * d[i] - (row[i] * r ** 3 * d.reduce((s, v, j) => s + v * row[j], 0)) / n;
      return [dXOf(rows, own), dWOf(rows, dW)];
    },
  },
  {
    what: 'the sum is not divided by n',
    name: 'not-divided',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [dXOf(rows, ({ row, g, r, dot }, i) => r * g[i] - row[i] * r ** 3 * dot), dWOf(rows, dW)];
    },
  },
  {
    what: 'plus where a minus stands',
    name: 'pull-added',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [
        dXOf(rows, ({ row, g, r, dot, n }, i) => r * g[i] + (row[i] * r ** 3 * dot) / n),
        dWOf(rows, dW),
      ];
    },
  },
  {
    what: 'dWeight of the raw x, without r',
    name: 'weight-grad-without-r',
    solution: (...args: Args) => {
      const rows = rowsOf(...args);
      return [dXOf(rows, dX), dWOf(rows, ({ d, row }, i) => d[i] * row[i])];
    },
  },
];
