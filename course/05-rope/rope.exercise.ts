// RoPE of one head. At position 0 nearly every mistake is right, so the cases stand elsewhere, and theta is not always
// the same.

import { ReferenceEngine } from 'smollm2/reference';
import { exercise } from '../exercise.ts';
import { randomArray } from '../random.ts';

export const rope = exercise({
  name: 'rope',
  chapter: 5,
  folder: '05-rope',
  title: 'RoPE: turn each pair by its own angle',
  minutes: 15,
  importance: 3,
  digits32: 2e-5,
  cases: [
    { name: 'four numbers at position 1', args: [Float64Array.from([1, 0.5, -0.25, 2]), 1, 100] },
    { name: 'eight numbers at position 3', args: [randomArray(11, 8), 3, 10_000] },
    { name: 'a head of 16 at position 7, theta 50', args: [randomArray(12, 16), 7, 50] },
    { name: 'position 0, where nothing turns', args: [randomArray(13, 8), 0, 100_000] },
    { name: 'a head of 64 at position 40, as in SmolLM2', args: [randomArray(14, 64), 40, 100_000] },
  ],
  truth: (head: Float64Array, pos: number, theta: number) => {
    const out = head.slice();
    const reference = new ReferenceEngine();
    const config = { headDim: head.length, ropeTheta: theta } as Parameters<typeof reference.ropeTable>[0];
    const table = reference.ropeTable(config, pos + 1);
    const cache = { length: 0, maxSeqLen: pos + 1 };
    reference.rope(out, table, 1, [{ begin: 0, count: 1, startPos: pos, cache }]);
    return out;
  },
  variant: (has) => (head: Float64Array, pos: number, theta: number) => {
    const headDim = head.length;
    const half = headDim / 2;
    const out = head.slice();
    const base = has('theta-ten-thousand') ? 10_000 : theta;
    const place = has('from-one') ? pos + 1 : pos;
    for (let j = 0; j < half; j++) {
      const exponent = has('same-speed')
        ? 0
        : ((has('half-exponent')
            ? j
            : has('double-exponent')
              ? 4 * j
              : has('pair-from-one')
                ? 2 * j + 2
                : 2 * j) /
            headDim) *
          (has('faster') ? -1 : 1);
      let angle = place / base ** exponent;
      if (has('degrees')) angle *= Math.PI / 180;
      if (has('full-turns')) angle *= 2 * Math.PI;
      if (has('wrong-way')) angle = -angle;
      const [cos, sin] = has('sin-cos')
        ? [Math.sin(angle), Math.cos(angle)]
        : [Math.cos(angle), Math.sin(angle)];
      const a = has('neighbours') ? 2 * j : j;
      const b = has('neighbours') ? 2 * j + 1 : j + half;
      const [first, second] = [head[a], head[b]];
      out[a] = first * cos - second * sin;
      const seen = has('overwritten') ? out[a] : first;
      out[b] = has('both-minus') ? second * cos - seen * sin : second * cos + seen * sin;
      if (has('first-half-only')) out[b] = second;
    }
    return has('not-turned') ? head.slice() : out;
  },
  mistakes: {
    neighbours: {
      nudge: 'look at which two numbers make a pair: yours are neighbours.',
      formula: 'yours: (x[2j], x[2j+1]). Meant: (x[j], x[j + headDim/2]): halves, not neighbours.',
      line: '- a = 2 * j, b = 2 * j + 1\n+ a = j, b = j + headDim / 2',
    },
    'wrong-way': {
      nudge: 'look at the direction: yours turns the other way.',
      formula:
        'yours: first · cos + second · sin, second · cos − first · sin. Meant: the signs the other way round.',
      line: '- first * cos + second * sin\n+ first * cos - second * sin',
    },
    'both-minus': {
      nudge: 'look at the two signs.',
      formula: 'yours has a minus in both lines. Meant: minus in the first, plus in the second.',
      line: '- second * cos - first * sin\n+ second * cos + first * sin',
    },
    'from-one': {
      nudge: 'which position does the first token have?',
      formula: 'yours turns by pos + 1. Meant: pos; the first token stands at 0 and is not turned.',
      line: '- (pos + 1) * frequency\n+ pos * frequency',
    },
    'half-exponent': {
      nudge: 'look at the exponent of theta.',
      formula: 'yours: theta^(−j / headDim). Meant: theta^(−2j / headDim).',
      line: '- theta ** (-j / headDim)\n+ theta ** ((-2 * j) / headDim)',
    },
    'double-exponent': {
      nudge: 'look at the exponent of theta.',
      formula: 'yours: theta^(−2j / (headDim/2)). Meant: theta^(−2j / headDim).',
      line: '- theta ** ((-2 * j) / half)\n+ theta ** ((-2 * j) / headDim)',
    },
    'pair-from-one': {
      nudge: 'from which number are the pairs counted?',
      formula: 'yours: the first pair is j = 1. Meant: j = 0, which turns by pos itself.',
      line: '- theta ** ((-2 * (j + 1)) / headDim)\n+ theta ** ((-2 * j) / headDim)',
    },
    faster: {
      nudge: 'do later pairs turn faster or slower?',
      formula: 'yours: theta^(+2j / headDim). Meant: theta^(−2j / headDim): later pairs are slower.',
      line: '- pos * theta ** ((2 * j) / headDim)\n+ pos * theta ** ((-2 * j) / headDim)',
    },
    'same-speed': {
      nudge: 'every pair has an angle of its own.',
      formula: 'yours turns every pair by pos. Meant: by pos · theta^(−2j / headDim).',
      line: '- angle = pos\n+ angle = pos * theta ** ((-2 * j) / headDim)',
    },
    'theta-ten-thousand': {
      nudge: 'theta is an argument; is it used?',
      formula: 'yours: theta = 10,000 whatever is given. Meant: the theta that is given.',
      line: '- 10000 ** …\n+ theta ** …',
    },
    degrees: {
      nudge: 'in which unit is the angle?',
      formula: 'yours takes the angle for degrees. Meant: radians, which Math.cos and Math.sin want.',
      line: '- (angle * Math.PI) / 180\n+ angle',
    },
    'full-turns': {
      nudge: 'in which unit is the angle?',
      formula: 'yours takes the angle for whole turns. Meant: radians.',
      line: '- 2 * Math.PI * angle\n+ angle',
    },
    'sin-cos': {
      nudge: 'which is the cosine?',
      formula: 'yours has sine and cosine exchanged: at position 0 it would turn by a quarter.',
      line: '- first * sin - second * cos\n+ first * cos - second * sin',
    },
    overwritten: {
      nudge: 'both lines need the numbers from before the turn.',
      formula: 'yours: the second line reads the first number after it was turned. Meant: before.',
      line: '- x[j] = …; x[j + half] = x[j + half] * cos + x[j] * sin\n+ const first = x[j]; … + first * sin',
    },
    'first-half-only': {
      nudge: 'a turn changes both numbers of a pair.',
      formula: 'yours leaves the second number as it was. Meant: second · cos + first · sin.',
      line: '+ out[j + half] = second * cos + first * sin',
    },
    'not-turned': {
      nudge: 'the numbers come out as they went in.',
      formula: 'yours: x. Meant: every pair turned by pos · theta^(−2j / headDim).',
      line: '+ out[j] = first * cos - second * sin',
    },
  },
  why: [
    'A dot product of two turned heads depends on the difference of their positions only.',
    'Slow pairs tell far places apart, fast ones near places.',
  ],
});
