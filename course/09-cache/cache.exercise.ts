// The KV cache: tokens come one at a time, and the answers must be those of the whole text at once, bit for bit. Two
// layers, so that a cache they share shows.

import { exercise, help } from '../exercise.ts';
import { randomArray } from '../random.ts';

interface Cache {
  keys?: number[][][];
  values?: number[][][];
}
type Row = number[];
type Attend = (q: Row, keys: readonly Row[], values: readonly Row[]) => Row;
type Rope = (row: Row, pos: number) => Row;
interface Given {
  readonly rope: Rope;
  readonly attend: Attend;
}
type Step = (
  cache: Record<string, unknown>,
  layer: number,
  pos: number,
  qkv: readonly [Row, Row, Row],
  given: Given,
) => Row;
/** Queries, keys and values of every position and layer: [layers][positions] rows. */
type Args = [rows: [Row, Row, Row][][]];

function text(seed: number, numLayers: number, length: number, size: number): Args {
  const rows = Array.from({ length: numLayers }, (_, l) =>
    Array.from({ length }, (_, pos) => {
      const row = (n: number) => [...randomArray(seed + 100 * l + 3 * pos + n, size, 1.5)];
      return [row(0), row(1), row(2)] as [Row, Row, Row];
    }),
  );
  return [rows];
}

const rope: Rope = (row, pos) => {
  const half = row.length / 2;
  const out = [...row];
  for (let j = 0; j < half; j++) {
    const angle = pos * 50 ** (-j / half);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    out[j] = row[j] * cos - row[j + half] * sin;
    out[j + half] = row[j + half] * cos + row[j] * sin;
  }
  return out;
};

/** A little more for what stands later in the list, so that a list in another order shows. */
const ORDER = 0.05;

const attend: Attend = (q, keys, values) => {
  const scores = keys.map(
    (key, p) => key.reduce((sum, k, i) => sum + k * q[i], 0) / Math.sqrt(q.length) + ORDER * p,
  );
  const max = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  return q.map((_, i) => values.reduce((out, value, p) => out + (weights[p] / sum) * value[i], 0));
};

export const cache = exercise({
  name: 'cache',
  entry: 'step',
  chapter: 9,
  folder: '09-cache',
  title: 'KV cache: one token at a time, the same bits',
  minutes: 20,
  importance: 3,
  digits: 0,
  cases: [
    { name: 'one layer, three tokens', args: text(71, 1, 3, 4) },
    { name: 'two layers, four tokens', args: text(81, 2, 4, 4) },
    { name: 'three layers, eight tokens', args: text(91, 3, 8, 8) },
  ],
  drive: (solver, rows) => {
    const own: Record<string, unknown> = {};
    return rows[0].flatMap((_, pos) =>
      rows.map((layer, l) => (solver as unknown as Step)(own, l, pos, layer[pos], { rope, attend })),
    );
  },
  // The whole text at once, without a memory: every row turns all keys before it again.
  truth: ((_cache: unknown, layer: number, pos: number, qkv: readonly [Row, Row, Row]) =>
    whole(layer, pos, qkv)) as never,
  variant: (has) => {
    let seen: Cache = {};
    return ((
      own: Record<string, unknown>,
      layer: number,
      pos: number,
      [q, k, v]: [Row, Row, Row],
      given: Given,
    ) => {
      if (layer === 0 && pos === 0) seen = { keys: [], values: [] };
      own.used = true;
      const at = has('layers-share') ? 0 : layer;
      const keys = ((seen.keys ??= [])[at] ??= []);
      const values = ((seen.values ??= [])[at] ??= []);
      const place = has('restarts') ? 0 : has('from-one') ? pos + 1 : pos;
      const turnedQuery = has('query-not-turned') ? q : given.rope(q, place);
      const key = has('key-before-turn') ? k : given.rope(k, has('restarts') ? 0 : pos);
      const value = has('value-turned') ? given.rope(v, pos) : v;
      const pair = has('exchanged') ? [value, key] : [key, value];
      const out = () => {
        if (has('turned-again'))
          return given.attend(
            turnedQuery,
            keys.map((row, p) => (p < keys.length - 1 ? given.rope(row, p) : row)),
            values,
          );
        return given.attend(turnedQuery, keys, values);
      };
      if (has('one-late')) {
        const result = keys.length > 0 ? out() : [...v];
        keys.push(pair[0]);
        values.push(pair[1]);
        return result;
      }
      if (has('newest-only')) {
        keys.length = 0;
        values.length = 0;
      }
      keys.push(pair[0]);
      values.push(pair[1]);
      if (has('newest-first')) {
        keys.unshift(...keys.splice(-1));
        values.unshift(...values.splice(-1));
      }
      if (has('window') && keys.length > 3) {
        keys.shift();
        values.shift();
      }
      return out();
    }) as never;
  },
  mistakes: {
    'newest-first': help(
      'in which order are keys and values remembered?',
      'yours: newest first. Meant: oldest first.',
      'keys.unshift(key)',
      'keys.push(key)',
    ),
    'key-before-turn': help(
      'which key is stored: turned or not?',
      'yours: the key as it came (or turned by position 0, which is the same). Meant: rope(k, pos), once.',
      'keys.push(k)',
      'keys.push(rope(k, pos))',
    ),
    'query-not-turned': help(
      'the query stands somewhere too.',
      'yours: q as it came. Meant: rope(q, pos).',
      'attend(q, …)',
      'attend(rope(q, pos), …)',
    ),
    'value-turned': help(
      'what is turned? Queries and keys.',
      'yours: the value is turned too. Meant: v as it came.',
      'values.push(rope(v, pos))',
      'values.push(v)',
    ),
    restarts: help(
      'does each key keep the position of its own token?',
      'yours: the same for the query and every key, be it 0 or the newest. Meant: each its own pos, once.',
      'one position for all',
      'rope(q, pos), rope(k, pos)',
    ),
    'from-one': help(
      'do query and key of a token stand at the same place?',
      'yours: the query at pos + 1. Meant: both at pos.',
      'rope(q, pos + 1)',
      'rope(q, pos)',
    ),
    'one-late': help(
      'may a token see itself?',
      'yours: looks first and stores then. Meant: store, then look.',
      'attend, then push',
      'push, then attend',
    ),
    'layers-share': help(
      'how many caches are there?',
      'yours: one for all layers. Meant: one for each.',
      'cache.keys',
      'cache.keys[layer]',
    ),
    'newest-only': help(
      'what is kept?',
      'yours: the newest key and value. Meant: all of them.',
      'keys = [key]',
      'keys.push(key)',
    ),
    'turned-again': help(
      'how often is a key turned?',
      'yours: again at every step. Meant: once, before it is stored.',
      'keys.map((k, p) => rope(k, p))',
      'keys',
    ),
    exchanged: help(
      'which is which?',
      'yours: values as keys and keys as values.',
      'attend(q, values, keys)',
      'attend(q, keys, values)',
    ),
    window: help(
      'how far back can a token look?',
      'yours: the last three tokens. Meant: all.',
      'keys.shift()',
      '…',
    ),
  },
  why: [
    'Keys and values of a token never change afterwards: only earlier tokens went into them. So they may be kept.',
    'Every sum runs in the same order as in the whole text, so the bits are the same, not only the digits.',
  ],
});

/** Rows seen so far by the truth, layer by layer; a new text begins at layer 0, position 0. */
const seenByTruth: [Row, Row, Row][][] = [];

function whole(layer: number, pos: number, qkv: readonly [Row, Row, Row]): Row {
  if (layer === 0 && pos === 0) seenByTruth.length = 0;
  const rows = (seenByTruth[layer] ??= []);
  rows[pos] = [...qkv];
  const upTo = rows.slice(0, pos + 1);
  return attend(
    rope(qkv[0], pos),
    upTo.map(([, k], p) => rope(k, p)),
    upTo.map(([, , v]) => v),
  );
}
