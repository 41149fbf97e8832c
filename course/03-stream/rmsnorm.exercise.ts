// RMSNorm. A wrong eps shows only where a row is small, so the cases hold a row of a thousandth and a row of zeros.

import { ReferenceEngine } from 'smollm2/reference';
import { exercise } from '../exercise.ts';
import { randomArray } from '../random.ts';

const x = [0.5, -1.25, 2, 0.75];
const weight = Float64Array.from([1, 0.5, -2, 1.5]);

export const rmsnorm = exercise({
  name: 'rmsnorm',
  entry: 'rmsNorm',
  chapter: 3,
  folder: '03-stream',
  title: 'RMSNorm: bring every row to the same size',
  minutes: 10,
  importance: 3,
  cases: [
    { name: 'one row of four numbers', args: [Float64Array.from(x), weight, 1e-5] },
    {
      name: 'a row of thousandths, where eps counts',
      args: [randomArray(1, 8, 1e-3), randomArray(2, 8), 1e-5],
    },
    { name: 'a row of zeros', args: [new Float64Array(4), weight, 1e-5] },
    {
      name: 'two rows of different size',
      args: [Float64Array.from([...x, ...x.map((v) => 40 * v + 3)]), weight, 1e-5],
    },
    {
      name: 'three rows of 16 with another eps',
      args: [randomArray(3, 48, 0.2), randomArray(4, 16, 2), 0.02],
    },
  ],
  truth: (input: Float64Array, scale: Float64Array, eps: number) => {
    const out = new Float64Array(input.length);
    new ReferenceEngine().rmsNorm(out, input, scale, eps);
    return out;
  },
  variant: (has) => (input: Float64Array, scale: Float64Array, eps: number) => {
    const size = has('all-rows-at-once') ? input.length : scale.length;
    const out = new Float64Array(input.length);
    for (let row = 0; row < input.length; row += size) {
      const values = Array.from(input.slice(row, row + size), (v, i) =>
        has('weight-first') ? v * scale[i % scale.length] : v,
      );
      const mean = values.reduce((sum, v) => sum + v, 0) / size;
      const centred = values.map((v) => (has('layernorm') || has('variance') ? v - mean : v));
      let squares = centred.reduce((sum, v) => sum + (has('absolute') ? Math.abs(v) : v * v), 0);
      const e = has('no-eps') ? 0 : has('fixed-eps') ? 1e-5 : has('other-eps') ? 1e-6 : eps;
      if (has('eps-in-sum')) squares += e;
      squares /= has('sum-not-mean') ? 1 : has('one-less') ? size - 1 : size;
      if (has('absolute')) squares *= squares;
      const inside = has('eps-after-root') || has('eps-in-sum') ? squares : squares + e;
      const root = (has('no-root') ? inside : Math.sqrt(inside)) + (has('eps-after-root') ? e : 0);
      for (let i = 0; i < size; i++) {
        const own = scale[i % scale.length];
        const factor = has('no-weight') || has('weight-first') ? 1 : has('weight-plus-one') ? 1 + own : own;
        const value = has('layernorm') ? centred[i] : values[i];
        out[row + i] = (has('times-root') ? value * root : value / root) * factor;
      }
    }
    return out;
  },
  mistakes: {
    'eps-after-root': {
      nudge: 'look at where eps is added.',
      formula: 'yours: x / (√mean(x²) + eps). Meant: x / √(mean(x²) + eps). They part where x is small.',
      line: '- Math.sqrt(meanSquare) + eps\n+ Math.sqrt(meanSquare + eps)',
    },
    'eps-in-sum': {
      nudge: 'look at when eps is added: before the mean or after it.',
      formula: 'yours: (Σ x² + eps) / n. Meant: Σ x² / n + eps.',
      line: '- (sumSquares + eps) / size\n+ sumSquares / size + eps',
    },
    'no-eps': {
      nudge: 'what happens to a row of zeros?',
      formula: 'yours: x / √mean(x²). Meant: x / √(mean(x²) + eps), which never divides by zero.',
      line: '- Math.sqrt(meanSquare)\n+ Math.sqrt(meanSquare + eps)',
    },
    'fixed-eps': {
      nudge: 'eps is an argument; is it used?',
      formula: 'yours: eps = 0.00001 whatever is given. Meant: the eps that is given.',
      line: '- meanSquare + 1e-5\n+ meanSquare + eps',
    },
    'other-eps': {
      nudge: 'eps is an argument; is it used?',
      formula: 'yours: eps = 0.000001, as other models have it. Meant: the eps that is given.',
      line: '- meanSquare + 1e-6\n+ meanSquare + eps',
    },
    layernorm: {
      nudge: 'something is subtracted that RMSNorm leaves alone.',
      formula: 'yours: (x − mean(x)) / … (that is LayerNorm). Meant: x / √(mean(x²) + eps).',
      line: '- (x[i] - mean) * scale\n+ x[i] * scale',
    },
    variance: {
      nudge: 'look at what is squared.',
      formula: 'yours: the mean of (x − mean(x))². Meant: the mean of x².',
      line: '- (x[i] - mean) ** 2\n+ x[i] ** 2',
    },
    absolute: {
      nudge: 'look at how the size of a row is measured.',
      formula: 'yours: the mean of |x|. Meant: the root of the mean of x².',
      line: '- sum += Math.abs(x[i])\n+ sum += x[i] * x[i]',
    },
    'sum-not-mean': {
      nudge: 'a sum, or a mean?',
      formula: 'yours: √(Σ x² + eps). Meant: √(Σ x² / n + eps).',
      line: '- Math.sqrt(sumSquares + eps)\n+ Math.sqrt(sumSquares / size + eps)',
    },
    'one-less': {
      nudge: 'by how many is the sum divided?',
      formula: 'yours: Σ x² / (n − 1). Meant: Σ x² / n.',
      line: '- sumSquares / (size - 1)\n+ sumSquares / size',
    },
    'no-root': {
      nudge: 'the R in RMS.',
      formula: 'yours: x / (mean(x²) + eps). Meant: x / √(mean(x²) + eps).',
      line: '- 1 / (meanSquare + eps)\n+ 1 / Math.sqrt(meanSquare + eps)',
    },
    'times-root': {
      nudge: 'divide, or multiply?',
      formula: 'yours: x · √(mean(x²) + eps). Meant: x / √(mean(x²) + eps).',
      line: '- x[i] * root\n+ x[i] / root',
    },
    'no-weight': {
      nudge: 'one of the arguments is not used.',
      formula: 'yours: x / rms. Meant: x / rms · weight.',
      line: '- x[i] / rms\n+ x[i] / rms * weight[i]',
    },
    'weight-plus-one': {
      nudge: 'look at the weight.',
      formula: 'yours: · (1 + weight), as Gemma stores it. Meant: · weight.',
      line: '- * (1 + weight[i])\n+ * weight[i]',
    },
    'weight-first': {
      nudge: 'when does the weight come in: before the size is measured or after it?',
      formula: 'yours: the rms of x · weight. Meant: the rms of x, and then · weight.',
      line: '- normalise(x[i] * weight[i])\n+ normalise(x[i]) * weight[i]',
    },
    'all-rows-at-once': {
      nudge: 'x may hold several rows.',
      formula: 'yours: one size for all of x. Meant: every row of weight.length numbers has its own.',
      line: '- one loop over x\n+ for each row of weight.length numbers',
    },
  },
  why: [
    'Every branch of the network reads a row of about the same size, however wide the stream has become.',
    'eps stands under the root, so that a row of zeros stays a row of zeros.',
  ],
});
