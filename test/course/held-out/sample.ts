import type { Learner } from './learner.ts';

interface Options {
  temperature: number;
  topK: number;
  topP: number;
}
type Args = [logits: number[], options: Options, dice: number];

function softmax(row: number[]): number[] {
  const max = Math.max(...row);
  const e = row.map((v) => Math.exp(v - max));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
}
const heated = (logits: number[], t: number) => {
  if (t > 0) return softmax(logits.map((v) => v / t));
  const best = logits.indexOf(Math.max(...logits));
  return logits.map((_, i) => Number(i === best));
};
const ranked = (p: number[]) => p.map((_, i) => i).sort((a, b) => p[b] - p[a] || a - b);
const normal = (p: number[]) => {
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((v) => v / sum);
};
const only = (p: number[], ids: number[]) => p.map((v, i) => (ids.includes(i) ? v : 0));
const cutK = (p: number[], k: number) => normal(only(p, ranked(p).slice(0, k)));
function nucleus(p: number[], topP: number): number[] {
  if (topP >= 1) return p.map((_, i) => i);
  const kept: number[] = [];
  let sum = 0;
  for (const i of ranked(p)) {
    kept.push(i);
    sum += p[i];
    if (sum >= topP) break;
  }
  return kept;
}
const cutP = (p: number[], topP: number) => normal(only(p, nucleus(p, topP)));
function roll(p: number[], dice: number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    sum += p[i];
    if (sum > dice) return i;
  }
  return p.length - 1;
}

export const right: Learner[] = [
  {
    what: 'small functions, one for each step',
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const p = cutP(cutK(heated(logits, temperature), topK), topP);
      return [p, roll(p, dice)];
    },
  },
  {
    what: 'top-k on the logits before softmax (−∞ for the rest), an early return for temperature 0',
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const order = logits.map((v, i) => [v, i]).sort(([a, i], [b, j]) => b - a || i - j);
      const probs = new Float64Array(logits.length);
      if (temperature === 0) {
        probs[order[0][1]] = 1;
        return [probs, order[0][1]];
      }
      const masked = logits.map(() => -Infinity);
      for (const [v, i] of order.slice(0, topK)) masked[i] = v / temperature;
      const p = softmax(masked);
      let mass = 0;
      for (const [, i] of order) {
        if (mass >= topP && topP < 1) break;
        probs[i] = p[i];
        mass += p[i];
      }
      let total = 0;
      for (const v of probs) total += v;
      const scaled = probs.map((v) => v / total);
      let running = 0;
      const id = scaled.findIndex((v) => {
        running += v;
        return running > dice;
      });
      return [scaled, id];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'multiplies by the temperature',
    name: 'times-temperature',
    missedAtFirst: true,
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const hot = temperature === 0 ? heated(logits, 0) : softmax(logits.map((v) => v * temperature));
      const p = cutP(cutK(hot, topK), topP);
      return [p, roll(p, dice)];
    },
  },
  {
    what: 'leaves out the token that reaches topP',
    name: 'top-p-one-fewer',
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      let p = cutK(heated(logits, temperature), topK);
      if (topP < 1) {
        const keep: number[] = [];
        let sum = 0;
        for (const i of ranked(p)) {
          sum += p[i];
          if (sum > topP && keep.length > 0) break;
          keep.push(i);
        }
        p = normal(only(p, keep));
      }
      return [p, roll(p, dice)];
    },
  },
  {
    what: 'top-p first, top-k of what it left',
    name: 'top-p-before-top-k',
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const p = cutK(cutP(heated(logits, temperature), topP), topK);
      return [p, roll(p, dice)];
    },
  },
  {
    what: 'walks from the likeliest down, not along the ids',
    name: 'thrown-by-rank',
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const p = cutP(cutK(heated(logits, temperature), topK), topP);
      let sum = 0;
      for (const i of ranked(p)) {
        sum += p[i];
        if (sum > dice) return [p, i];
      }
      return [p, 0];
    },
  },
  {
    what: 'does not make the probabilities sum to 1 at the end',
    name: null,
    missedAtFirst: true,
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const q = cutK(heated(logits, temperature), topK);
      const p = only(q, nucleus(q, topP));
      return [p, roll(p, dice)];
    },
  },
  {
    what: 'divides by a temperature of 0',
    name: null,
    missedAtFirst: true,
    solution: (...[logits, { temperature, topK, topP }, dice]: Args) => {
      const p = cutP(cutK(softmax(logits.map((v) => v / temperature)), topK), topP);
      return [p, roll(p, dice)];
    },
  },
];
