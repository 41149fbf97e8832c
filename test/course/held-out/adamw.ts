import type { Learner } from './learner.ts';

interface Settings {
  step: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
}
type F = Float64Array;
type Args = [weight: F, gradient: F, first: F, second: F, settings: Settings];

const moments = (...[, g, m, v, s]: Args) => [
  m.map((x, i) => s.beta1 * x + (1 - s.beta1) * g[i]),
  v.map((x, i) => s.beta2 * x + (1 - s.beta2) * g[i] ** 2),
];

export const right: Learner[] = [
  {
    what: 'moments first, then maps; m + (1 − β)(g − m); ordinary lists',
    solution: (...[weight, g, first, second, s]: Args) => {
      const m = Array.from(first, (x, i) => x + (1 - s.beta1) * (g[i] - x));
      const v = Array.from(second, (x, i) => x + (1 - s.beta2) * (g[i] * g[i] - x));
      const [c1, c2] = [1 - s.beta1 ** s.step, 1 - s.beta2 ** s.step];
      const w = Array.from(
        weight,
        (x, i) => x - s.learningRate * (s.weightDecay * x + m[i] / c1 / (Math.sqrt(v[i] / c2) + s.eps)),
      );
      return [w, m, v];
    },
  },
  {
    what: 'one plain loop, float32',
    solution: (...[weight, gradient, first, second, settings]: Args) => {
      const { step, learningRate, beta1, beta2, eps, weightDecay } = settings;
      const w = new Float32Array(weight);
      const m = new Float32Array(first);
      const v = new Float32Array(second);
      for (let i = 0; i < w.length; i++) {
        const g = Math.fround(gradient[i]);
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        w[i] *= 1 - learningRate * weightDecay;
        w[i] -= (learningRate * (m[i] / (1 - beta1 ** step))) / (Math.sqrt(v[i] / (1 - beta2 ** step)) + eps);
      }
      return [w, m, v];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'decay goes into the gradient (L2)',
    name: 'decay-in-gradient',
    solution: (...[w, gradient, m0, v0, s]: Args) => {
      const g = gradient.map((x, i) => x + s.weightDecay * w[i]);
      const [m, v] = moments(w, g, m0, v0, s);
      const out = w.map((x, i) => {
        const root = Math.sqrt(v[i] / (1 - s.beta2 ** s.step));
        return x - (s.learningRate * (m[i] / (1 - s.beta1 ** s.step))) / (root + s.eps);
      });
      return [out, m, v];
    },
  },
  {
    what: 'no correction of the moments',
    name: 'no-correction',
    solution: (...[w, g, m0, v0, s]: Args) => {
      const [m, v] = moments(w, g, m0, v0, s);
      const keep = 1 - s.learningRate * s.weightDecay;
      return [w.map((x, i) => x * keep - (s.learningRate * m[i]) / (Math.sqrt(v[i]) + s.eps)), m, v];
    },
  },
  {
    what: 'eps under the root',
    name: 'eps-in-root',
    solution: (...[w, g, m0, v0, s]: Args) => {
      const [m, v] = moments(w, g, m0, v0, s);
      const out = w.map((x, i) => {
        const mHat = m[i] / (1 - s.beta1 ** s.step);
        const vHat = v[i] / (1 - s.beta2 ** s.step);
        return x * (1 - s.learningRate * s.weightDecay) - (s.learningRate * mHat) / Math.sqrt(vHat + s.eps);
      });
      return [out, m, v];
    },
  },
  {
    what: 'decay without the learning rate',
    name: 'decay-without-rate',
    solution: (...[w, g, m0, v0, s]: Args) => {
      const [m, v] = moments(w, g, m0, v0, s);
      const out = w.map((x, i) => {
        const mHat = m[i] / (1 - s.beta1 ** s.step);
        const vHat = v[i] / (1 - s.beta2 ** s.step);
        return x * (1 - s.weightDecay) - (s.learningRate * mHat) / (Math.sqrt(vHat) + s.eps);
      });
      return [out, m, v];
    },
  },
  {
    what: 'the corrected moments are handed back, and would be corrected again',
    name: 'corrected-kept',
    solution: (...[w, g, m0, v0, s]: Args) => {
      const [m, v] = moments(w, g, m0, v0, s);
      const mHat = m.map((x) => x / (1 - s.beta1 ** s.step));
      const vHat = v.map((x) => x / (1 - s.beta2 ** s.step));
      const keep = 1 - s.learningRate * s.weightDecay;
      const out = w.map((x, i) => x * keep - (s.learningRate * mHat[i]) / (Math.sqrt(vHat[i]) + s.eps));
      return [out, mHat, vHat];
    },
  },
  {
    what: 'one step too many: 1 − beta^(step + 1)',
    name: 'step-one-more',
    solution: (...[w, g, m0, v0, s]: Args) => {
      const [m, v] = moments(w, g, m0, v0, s);
      const t = s.step + 1;
      const out = w.map((x, i) => {
        const update = m[i] / (1 - s.beta1 ** t) / (Math.sqrt(v[i] / (1 - s.beta2 ** t)) + s.eps);
        return x - s.learningRate * s.weightDecay * x - s.learningRate * update;
      });
      return [out, m, v];
    },
  },
];
