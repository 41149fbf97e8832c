import type { Learner } from './learner.ts';

export const right: Learner[] = [
  {
    what: 'a frozen angle table, float32 numbers',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const half = head.length / 2;
      const angles = Object.freeze(Array.from({ length: half }, (_, j) => pos / theta ** (j / half)));
      const out = new Float32Array(head.length);
      angles.forEach((angle, j) => {
        const [c, s] = [Math.fround(Math.cos(angle)), Math.fround(Math.sin(angle))];
        out[j] = Math.fround(head[j] * c) - Math.fround(head[j + half] * s);
        out[j + half] = Math.fround(head[j + half] * c) + Math.fround(head[j] * s);
      });
      return out;
    },
  },
  {
    what: 'polar coordinates, with an early return at position 0',
    solution: (head: Float64Array, pos: number, theta: number) => {
      if (pos === 0) return head.slice();
      const half = head.length >> 1;
      const polar = Array.from({ length: half }, (_, j) => ({
        length: Math.hypot(head[j], head[j + half]),
        angle: Math.atan2(head[j + half], head[j]) + pos * Math.exp((-2 * j * Math.log(theta)) / head.length),
      }));
      return [
        ...polar.map((p) => p.length * Math.cos(p.angle)),
        ...polar.map((p) => p.length * Math.sin(p.angle)),
      ];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'pairs of neighbours 2j and 2j + 1',
    name: 'neighbours',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const out = new Float64Array(head.length);
      for (let i = 0; i < head.length; i += 2) {
        const angle = pos * theta ** (-i / head.length);
        out[i] = head[i] * Math.cos(angle) - head[i + 1] * Math.sin(angle);
        out[i + 1] = head[i + 1] * Math.cos(angle) + head[i] * Math.sin(angle);
      }
      return out;
    },
  },
  {
    what: 'the first number is overwritten before the second reads it',
    name: 'overwritten',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const x = head.slice();
      const half = x.length / 2;
      for (let j = 0; j < half; j++) {
        const a = pos * theta ** ((-2 * j) / x.length);
        x[j] = x[j] * Math.cos(a) - x[j + half] * Math.sin(a);
        x[j + half] = x[j + half] * Math.cos(a) + x[j] * Math.sin(a);
      }
      return x;
    },
  },
  {
    what: 'the 2 of the exponent is lost: theta^(−j / headDim)',
    name: 'half-exponent',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const half = head.length / 2;
      return head.map((v, i) => {
        const angle = pos * theta ** -((i % half) / head.length);
        return i < half
          ? v * Math.cos(angle) - head[i + half] * Math.sin(angle)
          : v * Math.cos(angle) + head[i - half] * Math.sin(angle);
      });
    },
  },
  {
    what: 'turns the other way round',
    name: 'wrong-way',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const half = head.length / 2;
      const out = new Float64Array(head);
      for (let j = 0; j < half; j++) {
        const angle = pos * theta ** ((-2 * j) / head.length);
        out[j] = head[j] * Math.cos(angle) + head[j + half] * Math.sin(angle);
        out[j + half] = head[j + half] * Math.cos(angle) - head[j] * Math.sin(angle);
      }
      return out;
    },
  },
  {
    what: 'the minus of the exponent is lost',
    name: 'faster',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const half = head.length / 2;
      const out = new Float64Array(head.length);
      for (let j = 0; j < half; j++) {
        const angle = pos * theta ** ((2 * j) / head.length);
        out[j] = head[j] * Math.cos(angle) - head[j + half] * Math.sin(angle);
        out[j + half] = head[j + half] * Math.cos(angle) + head[j] * Math.sin(angle);
      }
      return out;
    },
  },
  {
    what: 'positions counted from 1',
    name: 'from-one',
    solution: (head: Float64Array, pos: number, theta: number) => {
      const half = head.length / 2;
      const out = new Float64Array(head.length);
      for (let j = 0; j < half; j++) {
        const angle = (pos + 1) / theta ** ((2 * j) / head.length);
        out[j] = head[j] * Math.cos(angle) - head[j + half] * Math.sin(angle);
        out[j + half] = head[j + half] * Math.cos(angle) + head[j] * Math.sin(angle);
      }
      return out;
    },
  },
];
