// One step of AdamW. At the first step without decay most mistakes hide: here the steps are late ones, the decay is
// large, and so is eps in one case.

import { ReferenceTraining } from 'smollm2/reference';
import { exercise, help } from '../exercise.ts';
import { randomArray } from '../random.ts';

interface Settings {
  readonly step: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}
type Args = readonly [
  weight: Float64Array,
  gradient: Float64Array,
  first: Float64Array,
  second: Float64Array,
  settings: Settings,
];

const args = (seed: number, size: number, settings: Partial<Settings>): Args => [
  randomArray(seed, size, 2),
  randomArray(seed + 1, size),
  randomArray(seed + 2, size, 0.3),
  randomArray(seed + 3, size, 0.2).map(Math.abs),
  { step: 3, learningRate: 0.1, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.3, ...settings },
];

export const adamw = exercise({
  name: 'adamw',
  chapter: 11,
  folder: '11-training',
  title: 'AdamW: one step downhill',
  minutes: 20,
  importance: 3,
  parts: ['weight', 'first moment', 'second moment'],
  cases: [
    { name: 'step 3 of two weights', args: args(131, 2, {}) },
    { name: 'a large eps', args: args(135, 4, { eps: 0.2, step: 2 }) },
    {
      name: 'step 1, without moments',
      args: [
        randomArray(140, 4),
        randomArray(141, 4),
        new Float64Array(4),
        new Float64Array(4),
        { step: 1, learningRate: 0.05, beta1: 0.9, beta2: 0.99, eps: 1e-3, weightDecay: 0.5 },
      ] as Args,
    },
    {
      name: 'step 20 of eight weights',
      args: args(145, 8, { step: 20, beta1: 0.8, beta2: 0.9, learningRate: 0.3, eps: 0.01 }),
    },
  ],
  truth: (
    weight: Float64Array,
    gradient: Float64Array,
    first: Float64Array,
    second: Float64Array,
    s: Settings,
  ) => {
    const [w, g, m, v] = [weight, gradient, first, second].map((values) => values.slice());
    const [correction1, correction2] = [1 - s.beta1 ** s.step, 1 - s.beta2 ** s.step];
    const step = { ...s, gradientScale: 1, correction1, correction2 };
    new ReferenceTraining().adamw(w, g, m, v, step);
    return [w, m, v];
  },
  variant:
    (has) =>
    (
      weight: Float64Array,
      gradient: Float64Array,
      first: Float64Array,
      second: Float64Array,
      s: Settings,
    ) => {
      const [beta1, beta2] = has('betas-exchanged') ? [s.beta2, s.beta1] : [s.beta1, s.beta2];
      const step = has('step-from-zero') ? s.step - 1 : has('step-one-more') ? s.step + 1 : s.step;
      const correct = (beta: number, skipped: boolean) =>
        skipped || has('no-correction') ? 1 : 1 - beta ** step;
      const correction1 = correct(beta1, has('second-correction-only'));
      const correction2 = correct(beta2, has('first-correction-only'));
      const [w, m, v] = [weight.slice(), first.slice(), second.slice()];
      for (let i = 0; i < w.length; i++) {
        const g = gradient[i] + (has('decay-in-gradient') ? s.weightDecay * w[i] : 0);
        m[i] = beta1 * m[i] + (has('no-first-share') ? 1 : 1 - beta1) * g;
        v[i] =
          beta2 * v[i] +
          (has('no-second-share') ? 1 : 1 - beta2) * (has('not-squared') ? Math.abs(g) : g * g);
        const mean = m[i] / correction1;
        const square = v[i] / correction2;
        let under = Math.sqrt(square) + s.eps;
        if (has('eps-in-root')) under = Math.sqrt(square + s.eps);
        if (has('no-root')) under = square + s.eps;
        if (has('eps-before-correction')) under = (Math.sqrt(v[i]) + s.eps) / Math.sqrt(correction2);
        if (has('no-eps')) under = Math.sqrt(square);
        const move = (s.learningRate * (has('no-momentum') ? g : mean)) / under;
        const rate = has('decay-without-rate') ? s.weightDecay : s.learningRate * s.weightDecay;
        const decay = has('decay-in-gradient') || has('no-decay') ? 0 : rate;
        if (has('decay-afterwards')) w[i] = (w[i] - move) * (1 - decay);
        else if (has('uphill')) w[i] = w[i] * (1 - decay) + move;
        else w[i] = w[i] * (1 - decay) - move;
        if (has('corrected-kept')) [m[i], v[i]] = [mean, square];
      }
      return [w, m, v];
    },
  mistakes: {
    'eps-in-root': help(
      'look at where eps is added.',
      'yours: √(v̂ + eps). Meant: √v̂ + eps.',
      'Math.sqrt(square + eps)',
      'Math.sqrt(square) + eps',
    ),
    'eps-before-correction': help(
      'look at where eps is added: before the correction or after it.',
      'yours: (√v + eps) / √correction2. Meant: √(v / correction2) + eps.',
      '(Math.sqrt(v) + eps) / Math.sqrt(c2)',
      'Math.sqrt(v / c2) + eps',
    ),
    'no-eps': help(
      'is eps used?',
      'yours: √v̂. Meant: √v̂ + eps.',
      'Math.sqrt(square)',
      'Math.sqrt(square) + eps',
    ),
    'no-root': help(
      'look under the line.',
      'yours: v̂ + eps. Meant: √v̂ + eps.',
      'square + eps',
      'Math.sqrt(square) + eps',
    ),
    'decay-in-gradient': help(
      'the W in AdamW: where does the decay act?',
      'yours: in the gradient (that is L2). Meant: on the weight itself.',
      'g + weightDecay * w',
      'w * (1 - learningRate * weightDecay)',
    ),
    'no-decay': help(
      'one of the settings is not used.',
      'yours: without decay. Meant: weight · (1 − learningRate · weightDecay) first.',
      'w',
      'w * (1 - learningRate * weightDecay)',
    ),
    'decay-without-rate': help(
      'how strong is the decay?',
      'yours: 1 − weightDecay. Meant: 1 − learningRate · weightDecay.',
      '1 - weightDecay',
      '1 - learningRate * weightDecay',
    ),
    'decay-afterwards': help(
      'in which order do decay and move come?',
      'yours: the moved weight decays. Meant: decay first, then move.',
      '(w - move) * keep',
      'w * keep - move',
    ),
    'no-correction': help(
      'the moments begin at zero: what is done about it?',
      'yours: nothing. Meant: m / (1 − beta1^step), v / (1 − beta2^step).',
      'm',
      'm / (1 - beta1 ** step)',
    ),
    'first-correction-only': help(
      'both moments begin at zero.',
      'yours: only the first is corrected.',
      'v',
      'v / (1 - beta2 ** step)',
    ),
    'second-correction-only': help(
      'both moments begin at zero.',
      'yours: only the second is corrected.',
      'm',
      'm / (1 - beta1 ** step)',
    ),
    'step-from-zero': help(
      'which number has the first step?',
      'yours: 0. Meant: 1, as given.',
      'step - 1',
      'step',
    ),
    'step-one-more': help(
      'which number has the first step?',
      'yours: step + 1. Meant: step, which is 1 at first.',
      'step + 1',
      'step',
    ),
    'betas-exchanged': help(
      'which beta is which?',
      'yours: beta2 for the mean and beta1 for the squares.',
      'beta2 * m',
      'beta1 * m',
    ),
    'not-squared': help(
      'what is the second moment a mean of?',
      'yours: |g|. Meant: g².',
      'Math.abs(g)',
      'g * g',
    ),
    'no-first-share': help(
      'look at the share of the new gradient.',
      'yours: beta1 · m + g. Meant: beta1 · m + (1 − beta1) · g.',
      '+ g',
      '+ (1 - beta1) * g',
    ),
    'no-second-share': help(
      'look at the share of the new square.',
      'yours: beta2 · v + g². Meant: beta2 · v + (1 − beta2) · g².',
      '+ g * g',
      '+ (1 - beta2) * g * g',
    ),
    'no-momentum': help(
      'what is the step taken along?',
      'yours: the gradient of now. Meant: its running mean.',
      'learningRate * g',
      'learningRate * mean',
    ),
    uphill: help(
      'up or down?',
      'yours: plus. Meant: minus: the loss grows along the gradient.',
      '+ move',
      '- move',
    ),
    'corrected-kept': help(
      'which moments are kept for the next step?',
      'yours: the corrected ones. Meant: the raw ones.',
      '[mean, square]',
      '[m, v]',
    ),
  },
  why: [
    'Dividing by the root of the second moment gives every weight a step of about the learning rate.',
    'Decay on the weight and not in the gradient keeps it from being divided away with everything else.',
  ],
});
