import type { Learner } from './learner.ts';

type Row = number[];
interface Given {
  rope(row: Row, pos: number): Row;
  attend(q: Row, keys: Row[], values: Row[]): Row;
}
type Args<C> = [cache: C, layer: number, pos: number, qkv: [Row, Row, Row], given: Given];
interface Memory {
  keys: Row[];
  values: Row[];
}
type Layers = Record<string, Memory>;

export const right: Learner[] = [
  {
    what: 'an entry for each layer',
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      cache[layer] ??= { keys: [], values: [] };
      const { keys, values } = cache[layer];
      keys.push(rope(k, pos));
      values.push(v);
      return attend(rope(q, pos), keys, values);
    },
  },
  {
    what: 'one flat list of [layer, key, value], filtered; lists made anew',
    solution: (...[cache, layer, pos, [q, k, v], given]: Args<{ all?: [number, Row, Row][] }>) => {
      cache.all = [...(cache.all ?? []), [layer, given.rope(k.slice(), pos), v.slice()]];
      const mine = cache.all.filter(([l]) => l === layer);
      return given.attend(
        given.rope(q, pos),
        mine.map(([, key]) => key),
        mine.map(([, , value]) => value),
      );
    },
  },
  {
    what: 'raw keys kept, each turned by its own place when it is read',
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      if (!(`l${layer}` in cache)) cache[`l${layer}`] = { keys: [], values: [] };
      const own = cache[`l${layer}`];
      own.keys[pos] = k;
      own.values[pos] = v;
      return attend(
        rope(q, pos),
        own.keys.map((key, p) => rope(key, p)),
        own.values,
      );
    },
  },
];

const memory = (cache: Layers, layer: number | string) => {
  cache[layer] ??= { keys: [], values: [] };
  return cache[layer];
};

export const wrong: Learner[] = [
  {
    what: 'keys are never turned',
    name: 'key-before-turn',
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, layer);
      keys.push(k);
      values.push(v);
      return attend(rope(q, pos), keys, values);
    },
  },
  {
    what: 'all layers share one memory',
    name: 'layers-share',
    solution: (...[cache, , pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, 'kv');
      keys.push(rope(k, pos));
      values.push(v);
      return attend(rope(q, pos), keys, values);
    },
  },
  {
    what: 'every token is turned as if at position 0',
    name: 'restarts',
    solution: (...[cache, layer, , [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, layer);
      keys.push(rope(k, 0));
      values.push(v);
      return attend(rope(q, 0), keys, values);
    },
  },
  {
    what: 'raw keys kept, all turned by the newest position',
    name: 'restarts',
    missedAtFirst: true,
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, layer);
      keys.push(k);
      values.push(v);
      return attend(
        rope(q, pos),
        keys.map((key) => rope(key, pos)),
        values,
      );
    },
  },
  {
    what: 'newest first',
    name: 'newest-first',
    missedAtFirst: true,
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, layer);
      keys.unshift(rope(k, pos));
      values.unshift(v);
      return attend(rope(q, pos), keys, values);
    },
  },
  {
    what: 'the query is not turned',
    name: 'query-not-turned',
    solution: (...[cache, layer, pos, [q, k, v], { rope, attend }]: Args<Layers>) => {
      const { keys, values } = memory(cache, layer);
      keys.push(rope(k, pos));
      values.push(v);
      return attend(q, keys, values);
    },
  },
];
