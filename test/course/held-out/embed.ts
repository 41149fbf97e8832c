import type { Learner } from './learner.ts';

export const right: Learner[] = [
  {
    what: 'float32 all the way',
    solution: (table: Float64Array, size: number, id: number, count: number) => {
      const t = Float32Array.from(table);
      const unit = new Float32Array(t.length);
      for (let r = 0; r < t.length / size; r++) {
        let s = 0;
        for (let i = 0; i < size; i++) s = Math.fround(s + t[r * size + i] ** 2);
        for (let i = 0; i < size; i++) unit[r * size + i] = t[r * size + i] / Math.sqrt(s);
      }
      const near: [number, number][] = [];
      for (let r = 0; r < t.length / size; r++) {
        if (r === id) continue;
        let c = 0;
        for (let i = 0; i < size; i++) c = Math.fround(c + unit[r * size + i] * unit[id * size + i]);
        near.push([r, c]);
      }
      near.sort((a, b) => b[1] - a[1]);
      return [near.slice(0, count).map((p) => p[0]), near.slice(0, count).map((p) => p[1])];
    },
  },
  {
    what: 'functional, Math.hypot',
    solution: (table: Float64Array, size: number, id: number, count: number) => {
      const rows = Array.from({ length: table.length / size }, (_, r) => [
        ...table.slice(r * size, r * size + size),
      ]);
      const cos = (a: number[], b: number[]) =>
        a.reduce((s, x, i) => s + x * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);
      const ids = rows.map((_, r) => r).filter((r) => r !== id);
      ids.sort((a, b) => cos(rows[b], rows[id]) - cos(rows[a], rows[id]));
      const top = ids.slice(0, count);
      return [top, top.map((r) => cos(rows[r], rows[id]))];
    },
  },
];

function dot(t: Float64Array, size: number, a: number, b: number): number {
  let s = 0;
  for (let i = 0; i < size; i++) s += t[a * size + i] * t[b * size + i];
  return s;
}

function best(numRows: number, keep: (r: number) => boolean, score: (r: number) => number, count: number) {
  const list = [...Array(numRows).keys()].filter(keep).map((r) => ({ r, s: score(r) }));
  list.sort((x, y) => y.s - x.s);
  const top = list.slice(0, count);
  return [top.map((x) => x.r), top.map((x) => x.s)];
}

export const wrong: Learner[] = [
  {
    what: 'the dot product alone, no lengths',
    name: 'dot',
    solution: (t: Float64Array, size: number, id: number, count: number) =>
      best(
        t.length / size,
        (r) => r !== id,
        (r) => dot(t, size, r, id),
        count,
      ),
  },
  {
    what: 'the row itself is among its neighbours',
    name: 'itself',
    solution: (t: Float64Array, size: number, id: number, count: number) =>
      best(
        t.length / size,
        () => true,
        (r) => dot(t, size, r, id) / Math.sqrt(dot(t, size, r, r) * dot(t, size, id, id)),
        count,
      ),
  },
  {
    what: 'divides by the squares of the lengths: no roots',
    name: 'squared-lengths',
    solution: (t: Float64Array, size: number, id: number, count: number) =>
      best(
        t.length / size,
        (r) => r !== id,
        (r) => dot(t, size, r, id) / (dot(t, size, r, r) * dot(t, size, id, id)),
        count,
      ),
  },
  {
    what: 'furthest first: sorted upward',
    name: 'farthest',
    solution: (t: Float64Array, size: number, id: number, count: number) => {
      const cosines: [number, number][] = [];
      for (let r = 0; r < t.length / size; r++) {
        if (r === id) continue;
        cosines.push([
          r,
          dot(t, size, r, id) / Math.sqrt(dot(t, size, r, r)) / Math.sqrt(dot(t, size, id, id)),
        ]);
      }
      const top = cosines.sort((a, b) => a[1] - b[1]).slice(0, count);
      return [top.map(([r]) => r), top.map(([, c]) => c)];
    },
  },
];
