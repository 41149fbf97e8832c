import type { Learner } from './learner.ts';

export const right: Learner[] = [
  {
    what: 'float32 arrays and sums',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const out = new Float32Array(x.length);
      const n = weight.length;
      for (let start = 0; start < x.length; start += n) {
        let sum = 0;
        for (let i = 0; i < n; i++) sum = Math.fround(sum + Math.fround(x[start + i] * x[start + i]));
        const inv = Math.fround(1 / Math.sqrt(sum / n + eps));
        for (let i = 0; i < n; i++) out[start + i] = Math.fround(x[start + i] * inv) * weight[i];
      }
      return out;
    },
  },
  {
    what: 'one map over everything, sums from the back, an ordinary list',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const n = weight.length;
      return Array.from(x, (value, at) => {
        const row = x.subarray(at - (at % n), at - (at % n) + n);
        return (weight[at % n] * value) / (row.reduceRight((s, y) => s + y ** 2, 0) / n + eps) ** 0.5;
      });
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'eps is added to the root',
    name: 'eps-after-root',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const n = weight.length;
      const out = new Float64Array(x.length);
      for (let r = 0; r < x.length; r += n) {
        const rms = Math.sqrt(x.slice(r, r + n).reduce((s, v) => s + v * v, 0) / n);
        for (let i = 0; i < n; i++) out[r + i] = (x[r + i] / (rms + eps)) * weight[i];
      }
      return out;
    },
  },
  {
    what: 'one mean over all rows together',
    name: 'all-rows-at-once',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      let ss = 0;
      for (const v of x) ss += v * v;
      const rms = Math.sqrt(ss / x.length + eps);
      return x.map((v, i) => (v / rms) * weight[i % weight.length]);
    },
  },
  {
    what: 'the sum of squares, not their mean',
    name: 'sum-not-mean',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const n = weight.length;
      const out = new Float64Array(x.length);
      for (let r = 0; r < x.length / n; r++) {
        const row = x.subarray(r * n, (r + 1) * n);
        const norm = Math.sqrt(row.reduce((s, v) => s + v * v, 0) + eps);
        row.forEach((v, i) => {
          out[r * n + i] = (v / norm) * weight[i];
        });
      }
      return out;
    },
  },
  {
    what: 'x is overwritten',
    name: null,
    missedAtFirst: true,
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const n = weight.length;
      for (let r = 0; r < x.length; r += n) {
        const row = x.subarray(r, r + n);
        const rms = Math.sqrt(row.reduce((s, v) => s + v * v, 0) / n + eps);
        for (let i = 0; i < n; i++) row[i] = (row[i] / rms) * weight[i];
      }
      return x;
    },
  },
  {
    what: 'the root is forgotten',
    name: 'no-root',
    solution: (x: Float64Array, weight: Float64Array, eps: number) => {
      const n = weight.length;
      return x.map((v, at) => {
        const start = Math.floor(at / n) * n;
        let mean = 0;
        for (let i = 0; i < n; i++) mean += x[start + i] ** 2 / n;
        return (v / (mean + eps)) * weight[at - start];
      });
    },
  },
];
