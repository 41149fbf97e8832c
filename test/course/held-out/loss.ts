import type { Learner } from './learner.ts';

const rowsOf = (logits: Float64Array, ids: number[]) => {
  const size = logits.length / ids.length;
  return ids.map((_, t) => [...logits.subarray(t * size, (t + 1) * size)]);
};
const logSum = (row: number[]) => {
  const max = Math.max(...row);
  return max + Math.log(row.reduce((s, v) => s + Math.exp(v - max), 0));
};
const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;

export const right: Learner[] = [
  {
    what: 'log-sum-exp, functional',
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return mean(ids.slice(1).map((id, t) => logSum(rows[t]) - rows[t][id]));
    },
  },
  {
    what: 'plain loops, float32 sums, from the last row up',
    solution: (logits: Float64Array, ids: number[]) => {
      const size = logits.length / ids.length;
      let total = 0;
      for (let t = ids.length - 2; t >= 0; t--) {
        let max = -Infinity;
        for (let i = 0; i < size; i++) if (logits[t * size + i] > max) max = logits[t * size + i];
        let sum = 0;
        for (let i = 0; i < size; i++) sum = Math.fround(sum + Math.exp(logits[t * size + i] - max));
        total = Math.fround(total + Math.log(sum) - (logits[t * size + ids[t + 1]] - max));
      }
      return total / (ids.length - 1);
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'row t is judged by token t',
    name: 'own-token',
    missedAtFirst: true,
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return mean(ids.slice(0, -1).map((id, t) => logSum(rows[t]) - rows[t][id]));
    },
  },
  {
    what: 'the sum, not the mean',
    name: 'sum',
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return ids.slice(1).reduce((s, id, t) => s + logSum(rows[t]) - rows[t][id], 0);
    },
  },
  {
    what: 'divides by the number of ids, one too many',
    name: 'divided-by-all',
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      let sum = 0;
      for (let t = 0; t < ids.length - 1; t++) sum += logSum(rows[t]) - rows[t][ids[t + 1]];
      return sum / ids.length;
    },
  },
  {
    what: 'bits: log2',
    name: 'no-maximum + bits',
    missedAtFirst: true,
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return mean(ids.slice(1).map((id, t) => -Math.log2(Math.exp(rows[t][id] - logSum(rows[t])))));
    },
  },
  {
    what: 'the mean of the probabilities, and then ln',
    name: 'mean-of-probabilities',
    missedAtFirst: true,
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return -Math.log(mean(ids.slice(1).map((id, t) => Math.exp(rows[t][id] - logSum(rows[t])))));
    },
  },
  {
    what: 'softmax as the formula has it, which overflows for large logits',
    name: 'no-maximum',
    solution: (logits: Float64Array, ids: number[]) => {
      const rows = rowsOf(logits, ids);
      return mean(
        ids.slice(1).map((id, t) => {
          const e = rows[t].map((v) => Math.exp(v));
          return -Math.log(e[id] / e.reduce((a, b) => a + b, 0));
        }),
      );
    },
  },
];
