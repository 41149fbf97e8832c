import type { Learner } from './learner.ts';

interface Heads {
  numHeads: number;
  numKvHeads: number;
  headDim: number;
}

/** What the wrong ones share: the sum over positions, with each step given. */
function mixed(
  [q, keys, values]: Float64Array[],
  { numHeads, numKvHeads, headDim }: Heads,
  last: number,
  kvOf: (h: number) => number,
  divisor: number,
): Float64Array {
  const out = new Float64Array(numHeads * headDim);
  for (let h = 0; h < numHeads; h++) {
    const scores: number[] = [];
    for (let p = 0; p <= last; p++) {
      let s = 0;
      for (let i = 0; i < headDim; i++) {
        s += q[h * headDim + i] * keys[(p * numKvHeads + kvOf(h)) * headDim + i];
      }
      scores.push(s / divisor);
    }
    const max = Math.max(...scores);
    const e = scores.map((s) => Math.exp(s - max));
    const total = e.reduce((a, b) => a + b, 0);
    for (let p = 0; p <= last; p++) {
      for (let i = 0; i < headDim; i++) {
        out[h * headDim + i] += (e[p] / total) * values[(p * numKvHeads + kvOf(h)) * headDim + i];
      }
    }
  }
  return out;
}

type Args = [q: Float64Array, keys: Float64Array, values: Float64Array, heads: Heads, pos: number];

export const right: Learner[] = [
  {
    what: 'one pass with a running maximum, float32',
    solution: (...[q, keys, values, { numHeads, numKvHeads, headDim }, pos]: Args) => {
      const out = new Float32Array(q.length);
      const scale = Math.fround(headDim ** -0.5);
      for (let h = 0; h < numHeads; h++) {
        const kv = Math.trunc((h * numKvHeads) / numHeads);
        const acc = new Float32Array(headDim);
        let max = -Infinity;
        let sum = 0;
        for (let p = 0; p <= pos; p++) {
          const at = (p * numKvHeads + kv) * headDim;
          let s = 0;
          for (let i = 0; i < headDim; i++) s = Math.fround(s + q[h * headDim + i] * keys[at + i]);
          s = Math.fround(s * scale);
          const top = Math.max(max, s);
          const shrink = Math.exp(max - top);
          const w = Math.fround(Math.exp(s - top));
          sum = Math.fround(sum * shrink + w);
          for (let i = 0; i < headDim; i++) acc[i] = acc[i] * shrink + w * values[at + i];
          max = top;
        }
        for (let i = 0; i < headDim; i++) out[h * headDim + i] = acc[i] / sum;
      }
      return out;
    },
  },
];

const inRuns = (heads: Heads) => (h: number) => Math.floor(h / (heads.numHeads / heads.numKvHeads));

export const wrong: Learner[] = [
  {
    what: 'the formula as it stands: e^score overflows for scores in the thousands',
    name: 'no-maximum',
    solution: (...[q, keys, values, { numHeads, numKvHeads, headDim }, pos]: Args) => {
      const group = numHeads / numKvHeads;
      const head = (from: Float64Array, n: number) => [...from.slice(n * headDim, (n + 1) * headDim)];
      const dot = (a: number[], b: number[]) => a.reduce((s, v, i) => s + v * b[i], 0);
      return Array.from({ length: numHeads }, (_, h) => {
        const places = [...Array(pos + 1).keys()].map((p) => p * numKvHeads + Math.floor(h / group));
        const e = places.map((n) => Math.exp(dot(head(q, h), head(keys, n)) / Math.sqrt(headDim)));
        const sum = e.reduce((a, b) => a + b);
        return [...Array(headDim).keys()].map(
          (i) =>
            dot(
              e,
              places.map((n) => values[n * headDim + i]),
            ) / sum,
        );
      }).flat();
    },
  },
  {
    what: 'looks at every position there is',
    name: 'no-mask',
    solution: (...[q, k, v, heads]: Args) =>
      mixed(
        [q, k, v],
        heads,
        k.length / heads.numKvHeads / heads.headDim - 1,
        inRuns(heads),
        Math.sqrt(heads.headDim),
      ),
  },
  {
    what: 'keys shared in turn: h % numKvHeads',
    name: 'heads-in-turn',
    solution: (...[q, k, v, heads, pos]: Args) =>
      mixed([q, k, v], heads, pos, (h) => h % heads.numKvHeads, Math.sqrt(heads.headDim)),
  },
  {
    what: 'divides by headDim, not by its root',
    name: 'scale-without-root',
    solution: (...[q, k, v, heads, pos]: Args) => mixed([q, k, v], heads, pos, inRuns(heads), heads.headDim),
  },
  {
    what: 'stops before pos: the token does not see itself',
    name: 'not-itself',
    solution: (...[q, k, v, heads, pos]: Args) =>
      mixed([q, k, v], heads, pos - 1, inRuns(heads), Math.sqrt(heads.headDim)),
  },
  {
    what: 'the weights are not divided by their sum',
    name: 'no-maximum + not-normalised',
    solution: (...[q, k, v, { numHeads, numKvHeads, headDim }, pos]: Args) => {
      const out = new Float64Array(q.length);
      for (let h = 0; h < numHeads; h++) {
        const kv = Math.floor(h / (numHeads / numKvHeads));
        for (let p = 0; p <= pos; p++) {
          const at = (p * numKvHeads + kv) * headDim;
          let score = 0;
          for (let i = 0; i < headDim; i++) score += q[h * headDim + i] * k[at + i];
          const weight = Math.exp(score / Math.sqrt(headDim));
          for (let i = 0; i < headDim; i++) out[h * headDim + i] += weight * v[at + i];
        }
      }
      return out;
    },
  },
  {
    what: 'the root of the whole width numHeads · headDim',
    name: 'scale-of-all-heads',
    solution: (...[q, k, v, heads, pos]: Args) =>
      mixed([q, k, v], heads, pos, inRuns(heads), Math.sqrt(q.length)),
  },
];
