// The gradient of RMSNorm. Two rows, so that a sum over rows that is missing shows, and a large eps in one case.

import { ReferenceTraining } from 'smollm2/reference';
import { exercise, help } from '../exercise.ts';
import { randomArray } from '../random.ts';

type Args = readonly [dOut: Float64Array, x: Float64Array, weight: Float64Array, eps: number];
const args = (seed: number, rows: number, size: number, eps: number, scale = 1): Args => [
  randomArray(seed, rows * size),
  randomArray(seed + 1, rows * size, scale),
  randomArray(seed + 2, size, 2),
  eps,
];

export const rmsnormBackward = exercise({
  name: 'rmsnorm-backward',
  entry: 'rmsNormBackward',
  chapter: 11,
  folder: '11-training',
  title: 'Backward through RMSNorm',
  minutes: 25,
  importance: 2,
  parts: ['dX', 'dWeight'],
  cases: [
    { name: 'one row of four', args: args(111, 1, 4, 1e-5) },
    { name: 'two rows of four', args: args(114, 2, 4, 1e-5) },
    { name: 'three rows of eight, small, with a large eps', args: args(117, 3, 8, 0.05, 0.2) },
    { name: 'two rows of sixteen, large', args: args(120, 2, 16, 1e-5, 3) },
  ],
  truth: (dOut: Float64Array, x: Float64Array, weight: Float64Array, eps: number) => {
    const [dX, dWeight] = [new Float64Array(x.length), new Float64Array(weight.length)];
    new ReferenceTraining().rmsNormBackward(dX, dWeight, dOut, x, weight, eps, false);
    return [dX, dWeight];
  },
  variant: (has) => (dOut: Float64Array, x: Float64Array, weight: Float64Array, eps: number) => {
    const size = weight.length;
    const dX = new Float64Array(x.length);
    const dWeight = new Float64Array(size);
    for (let row = 0; row < x.length; row += size) {
      let squares = 0;
      for (let i = 0; i < size; i++) squares += x[row + i] ** 2;
      const e = has('no-eps') ? 0 : eps;
      const r = 1 / Math.sqrt(squares / size + e);
      let dot = 0;
      for (let i = 0; i < size; i++) {
        dot += dOut[row + i] * (has('dot-without-weight') ? 1 : weight[i]) * x[row + i];
      }
      const power = has('r-squared') ? r ** 2 : has('r-once') ? r : r ** 3;
      const pull = has('no-pull') ? 0 : (power * dot) / (has('not-divided') ? 1 : size);
      for (let i = 0; i < size; i++) {
        const g = dOut[row + i] * (has('without-weight') ? 1 : weight[i]);
        const own = has('pull-without-x') ? pull : pull * x[row + i];
        dX[row + i] = (has('first-without-r') ? 1 : r) * g + (has('pull-added') ? own : -own);
        const share =
          dOut[row + i] *
          (has('weight-grad-without-x') ? 1 : x[row + i]) *
          (has('weight-grad-without-r') ? 1 : r);
        const own2 = has('weight-grad-times-weight') ? share * weight[i] : share;
        dWeight[i] = has('last-row-only') ? own2 : dWeight[i] + own2;
      }
    }
    if (has('weight-grad-mean')) for (let i = 0; i < size; i++) dWeight[i] /= x.length / size;
    return has('exchanged') ? [dWeight, dX] : [dX, dWeight];
  },
  mistakes: {
    'no-pull': help(
      'the size of the row depends on x too.',
      'yours: dX = r · g. Meant: r · g − x · (r³ / n) · Σ g x.',
      'r * g',
      'r * g - x[i] * pull',
    ),
    'not-divided': help(
      'look at the second term.',
      'yours: r³ · Σ g x. Meant: that over n.',
      'r ** 3 * dot',
      '(r ** 3 / size) * dot',
    ),
    'pull-added': help(
      'look at the sign of the second term.',
      'yours: plus. Meant: minus.',
      '+ x[i] * pull',
      '- x[i] * pull',
    ),
    'pull-without-x': help(
      'look at the second term.',
      'yours: r³/n · Σ g x for every i. Meant: that times x[i].',
      'pull',
      'pull * x[i]',
    ),
    'r-squared': help(
      'look at the power of r in the second term.',
      'yours: r². Meant: r³.',
      'r ** 2',
      'r ** 3',
    ),
    'r-once': help('look at the power of r in the second term.', 'yours: r. Meant: r³.', 'r', 'r ** 3'),
    'first-without-r': help('look at the first term.', 'yours: g. Meant: r · g.', 'g', 'r * g'),
    'without-weight': help(
      'where is the weight in the first term?',
      'yours: r · dOut. Meant: r · dOut · weight.',
      'dOut[i]',
      'dOut[i] * weight[i]',
    ),
    'dot-without-weight': help(
      'where is the weight in the sum?',
      'yours: Σ dOut · x. Meant: Σ dOut · weight · x.',
      'dOut[j] * x[j]',
      'dOut[j] * weight[j] * x[j]',
    ),
    'no-eps': help(
      'is eps used?',
      'yours: r = 1 / √mean(x²). Meant: 1 / √(mean(x²) + eps).',
      'Math.sqrt(meanSquare)',
      'Math.sqrt(meanSquare + eps)',
    ),
    'last-row-only': help(
      'how many rows does a weight meet?',
      'yours: dWeight of the last row. Meant: the sum over rows.',
      'dWeight[i] =',
      'dWeight[i] +=',
    ),
    'weight-grad-mean': help(
      'a sum, or a mean over the rows?',
      'yours: the mean. Meant: the sum.',
      '/ numRows',
      '…',
    ),
    'weight-grad-without-r': help(
      'what does a weight multiply?',
      'yours: x. Meant: x · r, the normalised value.',
      'dOut[i] * x[i]',
      'dOut[i] * x[i] * r',
    ),
    'weight-grad-without-x': help(
      'what does a weight multiply?',
      'yours: r alone. Meant: x · r.',
      'dOut[i] * r',
      'dOut[i] * x[i] * r',
    ),
    'weight-grad-times-weight': help(
      'what does a weight multiply?',
      'yours: the weight is in its own gradient. Meant: dOut · x · r.',
      'dOut[i] * x[i] * r * weight[i]',
      'dOut[i] * x[i] * r',
    ),
    exchanged: help(
      'in which order are the two returned?',
      'yours: [dWeight, dX]. Meant: [dX, dWeight].',
      '[dWeight, dX]',
      '[dX, dWeight]',
    ),
  },
  why: [
    'The second term takes away what would only make the row longer: RMSNorm undoes that anyway.',
    'A check by differences needs no mathematics: push one x by a millionth, see what the output does.',
  ],
});
