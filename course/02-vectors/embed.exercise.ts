// Rows of a table and their angles. Rows differ in length, so that a dot product is no cosine, and one row is the
// opposite of another.

import { exercise, help } from '../exercise.ts';
import { randomArray } from '../random.ts';

/** A table [rows, size] with rows of length 0.2 to 3. */
function table(seed: number, rows: number, size: number): Float64Array {
  const lengths = randomArray(seed + 1, rows, 1.4);
  return randomArray(seed, rows * size).map((value, i) =>
    Math.fround(value * (1.6 + lengths[Math.floor(i / size)])),
  );
}

const four = Float64Array.from([1, 0, 2, 2, -3, 1, 0.5, 0.4]);

export const embed = exercise({
  name: 'embed',
  entry: 'nearest',
  chapter: 2,
  folder: '02-vectors',
  title: 'Embedding: look up a row, find its neighbours',
  minutes: 15,
  importance: 2,
  parts: ['ids', 'cosines'],
  cases: [
    { name: 'four rows of two numbers', args: [four, 2, 0, 2] as const },
    { name: 'square table of four', args: [table(51, 4, 4), 4, 2, 3] as const },
    { name: 'nine rows of five', args: [table(53, 9, 5), 5, 8, 4] as const },
    { name: 'sixteen rows of sixteen', args: [table(55, 16, 16), 16, 3, 5] as const },
    { name: 'thirty rows of eight', args: [table(57, 30, 8), 8, 29, 5] as const },
  ],
  truth: (values: Float64Array, size: number, id: number, count: number) =>
    nearestOf(() => false, values, size, id, count),
  variant: (has) => (values: Float64Array, size: number, id: number, count: number) =>
    nearestOf(has as (mistake: string) => boolean, values, size, id, count),
  mistakes: {
    columns: help(
      'rows or columns?',
      'yours: every numRows-th number. Meant: `size` numbers side by side.',
      'table[i * numRows + id]',
      'table[id * size + i]',
    ),
    dot: help(
      'a cosine does not depend on the lengths.',
      'yours: a · b. Meant: a · b / (|a| |b|).',
      'dot',
      'dot / (length(a) * length(b))',
    ),
    'one-length': help(
      'a cosine has two lengths under it.',
      'yours: a · b / |b|. Meant: a · b / (|a| |b|).',
      'dot / length(b)',
      'dot / (length(a) * length(b))',
    ),
    'own-length-only': help(
      'a cosine has two lengths under it.',
      'yours: a · b / |a|. Meant: a · b / (|a| |b|).',
      'dot / length(a)',
      'dot / (length(a) * length(b))',
    ),
    'squared-lengths': help(
      'look under the line.',
      'yours: |a|² |b|². Meant: |a| |b|.',
      'squares(a) * squares(b)',
      'Math.sqrt(squares(a) * squares(b))',
    ),
    'absolute-lengths': help(
      'how is a length measured?',
      'yours: Σ |a|. Meant: √(Σ a²).',
      'Math.abs(a[i])',
      'a[i] * a[i], and the root of the sum',
    ),
    'next-id': help('ids count from 0.', 'yours: row id + 1. Meant: row id.', '(id + 1) * size', 'id * size'),
    'before-id': help(
      'ids count from 0.',
      'yours: row id − 1. Meant: row id.',
      '(id - 1) * size',
      'id * size',
    ),
    itself: help(
      'who is nearest to a row? Itself.',
      'yours: the row is its own neighbour. Meant: without it.',
      'every row',
      'every row but id',
    ),
    farthest: help(
      'nearest, or farthest?',
      'yours: the smallest cosines. Meant: the largest.',
      'a.cosine - b.cosine',
      'b.cosine - a.cosine',
    ),
    absolute: help(
      'is the opposite near?',
      'yours: by |cosine|. Meant: by the cosine; −1 is as far as it goes.',
      'Math.abs(cosine)',
      'cosine',
    ),
    distance: help(
      'near by angle, or near by distance?',
      'yours: in the order of distance. Meant: in the order of the cosine.',
      'sort by distance',
      'sort by cosine',
    ),
    'not-sorted': help(
      'in which order do they come?',
      'yours: in the order of the ids. Meant: the nearest first.',
      'slice',
      'sort, then slice',
    ),
    'one-fewer': help(
      'count them.',
      'yours: one fewer than asked. Meant: count.',
      'slice(1, count)',
      'slice(0, count)',
    ),
  },
  why: [
    'The length of a row says how much it counts in sums, its direction what it means: so one compares angles.',
    'The same table, read the other way round, gives the scores at the end: scores are dot products with its rows.',
  ],
});

function nearestOf(
  has: (mistake: string) => boolean,
  values: Float64Array,
  size: number,
  id: number,
  count: number,
) {
  const numRows = values.length / size;
  const rowOf = (row: number) =>
    Array.from(
      { length: size },
      (_, i) => (has('columns') ? values[i * numRows + row] : values[row * size + i]) ?? 0,
    );
  const chosen = (id + (has('next-id') ? 1 : has('before-id') ? numRows - 1 : 0)) % numRows;
  const own = rowOf(chosen);
  const length = (row: readonly number[]) => {
    if (has('absolute-lengths')) return row.reduce((sum, v) => sum + Math.abs(v), 0);
    const squares = row.reduce((sum, v) => sum + v * v, 0);
    return has('squared-lengths') ? squares : Math.sqrt(squares);
  };
  const ranked = Array.from({ length: numRows }, (_, row) => {
    const other = rowOf(row);
    const dot = own.reduce((sum, v, i) => sum + v * other[i], 0);
    const under =
      (has('dot') || has('one-length') ? 1 : length(own)) *
      (has('dot') || has('own-length-only') ? 1 : length(other));
    const distance = Math.sqrt(own.reduce((sum, v, i) => sum + (v - other[i]) ** 2, 0));
    return { row, cosine: dot / under, distance };
  }).filter(({ row }) => row !== chosen || has('itself'));
  if (!has('not-sorted')) {
    ranked.sort((a, b) => {
      if (has('distance')) return a.distance - b.distance;
      if (has('absolute')) return Math.abs(b.cosine) - Math.abs(a.cosine);
      return has('farthest') ? a.cosine - b.cosine : b.cosine - a.cosine;
    });
  }
  const kept = ranked.slice(0, has('one-fewer') ? count - 1 : count);
  return [kept.map(({ row }) => row), kept.map(({ cosine }) => cosine)];
}
