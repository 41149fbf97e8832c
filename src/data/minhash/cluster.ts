// From pairs to what is removed: pairs are joined to clusters, of which one document stays. Which one is a choice:
//
//     datatrove    the root of a union by size, pairs taken in order of the buckets: what FineWeb did. It depends on
//                  the order, so it is for one machine
//     smallest     the smallest (task, document): the same however the work was shared out
//
// Files, little-endian, one a task: `%06d.remove` u32 documents, sorted; `.clusters` u32 document, u32 cluster;
// `.sizes` u32 document, u32 size of its cluster.

import { type DocumentPair, type DocumentPlace, FROM_INDEX } from './pairs.ts';

export type Survivor = 'datatrove' | 'smallest';

export interface TaskClusters {
  /** Documents to remove, sorted. */
  readonly remove: readonly number[];
  /** Every document that has a duplicate, sorted, with the number and size of its cluster. */
  readonly members: readonly { readonly doc: number; readonly cluster: number; readonly size: number }[];
}

/**
 * Joins pairs; documents that equal one of an index all go.
 *
 * @param pairs of all buckets, in order of the buckets
 * @returns by task; tasks without duplicates are not in it
 */
export function cluster(pairs: Iterable<DocumentPair>, survivor: Survivor): Map<number, TaskClusters> {
  const sets = new DisjointSets(survivor);
  for (const { first, second } of pairs) sets.union(first, second);
  return sets.byTask();
}

class DisjointSets {
  private readonly survivor: Survivor;
  /** Nodes by task and document: nested, since a pair of numbers is no key. */
  private readonly nodes = new Map<number, Map<number, number>>();
  private readonly places: DocumentPlace[] = [];
  private readonly parents: number[] = [];
  private readonly sizes: number[] = [];

  constructor(survivor: Survivor) {
    this.survivor = survivor;
  }

  union(first: DocumentPlace, second: DocumentPlace): void {
    const left = this.root(this.node(first));
    const right = this.root(this.node(second));
    if (left === right) return;
    const [kept, joined] = this.wins(right, left) ? [right, left] : [left, right];
    this.parents[joined] = kept;
    this.sizes[kept] += this.sizes[joined];
  }

  /** Whether `right` becomes the root of both. At equal size datatrove keeps the first of the pair. */
  private wins(right: number, left: number): boolean {
    const [a, b] = [this.places[left], this.places[right]];
    if (a.task === FROM_INDEX) return false;
    if (b.task === FROM_INDEX) return true;
    if (this.survivor === 'smallest') return comparePlaces(b, a) < 0;
    return this.sizes[left] < this.sizes[right];
  }

  private node(place: DocumentPlace): number {
    let docs = this.nodes.get(place.task);
    if (!docs) this.nodes.set(place.task, (docs = new Map()));
    const known = docs.get(place.doc);
    if (known !== undefined) return known;
    const node = this.parents.length;
    docs.set(place.doc, node);
    this.places.push(place);
    this.parents.push(node);
    this.sizes.push(1);
    return node;
  }

  /** Halves the path on the way: a loop, since chains can be as long as the input. */
  private root(node: number): number {
    const { parents } = this;
    while (parents[node] !== node) {
      parents[node] = parents[parents[node]];
      node = parents[node];
    }
    return node;
  }

  byTask(): Map<number, TaskClusters> {
    const tasks = new Map<
      number,
      { remove: number[]; members: { doc: number; cluster: number; size: number }[] }
    >();
    const numbers = new Map<number, number>();
    const order = [...this.places.keys()].sort((i, j) => comparePlaces(this.places[i], this.places[j]));
    for (const node of order) {
      const { task, doc } = this.places[node];
      if (task === FROM_INDEX) continue;
      const root = this.root(node);
      if (!numbers.has(root)) numbers.set(root, numbers.size);
      let found = tasks.get(task);
      if (!found) tasks.set(task, (found = { remove: [], members: [] }));
      if (root !== node) found.remove.push(doc);
      found.members.push({ doc, cluster: numbers.get(root)!, size: this.sizes[root] });
    }
    return tasks;
  }
}

function comparePlaces(left: DocumentPlace, right: DocumentPlace): number {
  return left.task - right.task || left.doc - right.doc;
}

export function taskFileName(task: number, kind: 'remove' | 'clusters' | 'sizes'): string {
  return `${String(task).padStart(6, '0')}.${kind}`;
}

/** The bytes of the three files of a task. */
export function encodeClusters({
  remove,
  members,
}: TaskClusters): Record<'remove' | 'clusters' | 'sizes', Uint8Array> {
  return {
    remove: words32(remove),
    clusters: words32(members.flatMap(({ doc, cluster }) => [doc, cluster])),
    sizes: words32(members.flatMap(({ doc, size }) => [doc, size])),
  };
}

function words32(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return new Uint8Array(view.buffer);
}
