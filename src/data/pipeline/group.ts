// Which keys of which documents are taken: the one thing in a pipeline that needs all documents. Documents come with
// ids and hashes of their keys; ids, not positions, decide who stays, so that the order of the input, the number of
// ranks and the machine do not matter. Memory: some 40 bytes a key and the ids.

import type { GroupStage } from '../stage.ts';

export interface KeyedDocument {
  readonly id: string;
  readonly keys: readonly string[];
}

/** For each document (by its number in the list) the keys that are taken; documents with none are left out. */
export function takenKeys(
  docs: readonly KeyedDocument[],
  grouping: GroupStage['grouping'],
): Map<number, readonly string[]> {
  const order = orderById(docs);
  return grouping === 'first' ? takenByFirst(docs, order) : takenByClusters(docs, order);
}

/** Position of each document when all are sorted by id; equal ids by their number. */
function orderById(docs: readonly KeyedDocument[]): Uint32Array {
  const sorted = Uint32Array.from(docs.keys());
  sorted.sort((a, b) => (docs[a].id < docs[b].id ? -1 : docs[a].id > docs[b].id ? 1 : a - b));
  const order = new Uint32Array(docs.length);
  sorted.forEach((doc, position) => {
    order[doc] = position;
  });
  return order;
}

function takenByFirst(docs: readonly KeyedDocument[], order: Uint32Array): Map<number, readonly string[]> {
  const firsts = new Map<string, number>();
  docs.forEach(({ keys }, doc) => {
    for (const key of keys) firsts.set(key, Math.min(firsts.get(key) ?? order[doc], order[doc]));
  });
  const taken = new Map<number, readonly string[]>();
  docs.forEach(({ keys }, doc) => {
    const later = keys.filter((key) => firsts.get(key)! < order[doc]);
    if (later.length > 0) taken.set(doc, later);
  });
  return taken;
}

function takenByClusters(docs: readonly KeyedDocument[], order: Uint32Array): Map<number, readonly string[]> {
  const parents = Uint32Array.from(docs.keys());
  const rootOf = (doc: number): number => {
    let root = doc;
    while (parents[root] !== root) root = parents[root];
    for (let at = doc; parents[at] !== root; ) [at, parents[at]] = [parents[at], root];
    return root;
  };
  const holders = new Map<string, number>();
  docs.forEach(({ keys }, doc) => {
    for (const key of keys) {
      const holder = holders.get(key);
      if (holder === undefined) holders.set(key, doc);
      else {
        const [a, b] = [rootOf(holder), rootOf(doc)];
        if (order[a] < order[b]) parents[b] = a;
        else parents[a] = b;
      }
    }
  });
  const taken = new Map<number, readonly string[]>();
  docs.forEach(({ keys }, doc) => {
    if (rootOf(doc) !== doc) taken.set(doc, keys);
  });
  return taken;
}
