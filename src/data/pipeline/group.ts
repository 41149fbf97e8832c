// Which keys of which documents are taken: the one thing in a pipeline that needs all documents. Documents
// come with ids and hashes of their keys; ids, not positions, decide who stays, so that the order of the
// input, the number of ranks and the machine do not matter. Memory: the ids, and at most 32 bytes a key
// (hash 8, slots 8 to 16, two numbers 8).

import type { GroupStage } from '../stage.ts';

export interface KeyedDocument {
  readonly id: string;
  /** Hashes of 64 bits, 16 hexadecimal digits each. */
  readonly keys: readonly string[];
}

/** Documents with their keys as numbers: a text of 16 digits takes ten times as much. */
export class KeyTable {
  readonly ids: string[] = [];
  /** Where the keys of each document end. */
  private ends = new Uint32Array(1 << 10);
  private low = new Uint32Array(1 << 12);
  private high = new Uint32Array(1 << 12);

  get numKeys(): number {
    return this.beginOf(this.ids.length);
  }

  add({ id, keys }: KeyedDocument): void {
    const begin = this.numKeys;
    const end = begin + keys.length;
    this.low = withRoom(this.low, end);
    this.high = withRoom(this.high, end);
    keys.forEach((key, i) => {
      this.high[begin + i] = Number.parseInt(key.slice(0, 8), 16);
      this.low[begin + i] = Number.parseInt(key.slice(8), 16);
    });
    this.ends = withRoom(this.ends, this.ids.length + 1);
    this.ends[this.ids.length] = end;
    this.ids.push(id);
  }

  beginOf(doc: number): number {
    return doc === 0 ? 0 : this.ends[doc - 1];
  }

  /** The digits of key number `key`. */
  text(key: number): string {
    const digits = (value: number) => value.toString(16).padStart(8, '0');
    return digits(this.high[key]) + digits(this.low[key]);
  }

  /** For each key the first key of the same hash, by open addressing over a table at most half full. */
  firstOfEach(): Uint32Array {
    const { low, high, numKeys } = this;
    let size = 16;
    while (size < 2 * numKeys) size *= 2;
    const slots = new Uint32Array(size);
    const firsts = new Uint32Array(numKeys);
    for (let key = 0; key < numKeys; key++) {
      let slot = (low[key] ^ Math.imul(high[key], 0x9e3779b1)) & (size - 1);
      for (;;) {
        const other = slots[slot] - 1;
        if (other < 0) {
          slots[slot] = key + 1;
          firsts[key] = key;
          break;
        }
        if (low[other] === low[key] && high[other] === high[key]) {
          firsts[key] = other;
          break;
        }
        slot = (slot + 1) & (size - 1);
      }
    }
    return firsts;
  }
}

/** For each document (by its number) the keys that are taken; documents with none are left out. */
export function takenKeys(table: KeyTable, grouping: GroupStage['grouping']): Map<number, readonly string[]> {
  const order = orderById(table.ids);
  return grouping === 'first' ? takenByFirst(table, order) : takenByClusters(table, order);
}

/** Position of each document when all are sorted by id; equal ids by their number. */
function orderById(ids: readonly string[]): Uint32Array {
  const sorted = Uint32Array.from(ids.keys());
  sorted.sort((a, b) => (ids[a] < ids[b] ? -1 : ids[a] > ids[b] ? 1 : a - b));
  const order = new Uint32Array(ids.length);
  sorted.forEach((doc, position) => {
    order[doc] = position;
  });
  return order;
}

function takenByFirst(table: KeyTable, order: Uint32Array): Map<number, readonly string[]> {
  const first = table.firstOfEach();
  /** The earliest place of a document with this key, at the key's first number. */
  const earliest = new Uint32Array(table.numKeys).fill(0xffffffff);
  eachDocument(table, (doc, begin, end) => {
    for (let key = begin; key < end; key++) {
      earliest[first[key]] = Math.min(earliest[first[key]], order[doc]);
    }
  });
  const taken = new Map<number, readonly string[]>();
  eachDocument(table, (doc, begin, end) => {
    const later: string[] = [];
    for (let key = begin; key < end; key++) {
      if (earliest[first[key]] < order[doc]) later.push(table.text(key));
    }
    if (later.length > 0) taken.set(doc, later);
  });
  return taken;
}

function takenByClusters(table: KeyTable, order: Uint32Array): Map<number, readonly string[]> {
  const parents = Uint32Array.from(table.ids.keys());
  const rootOf = (doc: number): number => {
    let root = doc;
    while (parents[root] !== root) root = parents[root];
    for (let at = doc; parents[at] !== root; ) [at, parents[at]] = [parents[at], root];
    return root;
  };
  const first = table.firstOfEach();
  /** The document that a key came with first, at the key's first number. */
  const holders = new Uint32Array(table.numKeys);
  eachDocument(table, (doc, begin, end) => {
    for (let key = begin; key < end; key++) {
      if (first[key] === key) {
        holders[key] = doc;
        continue;
      }
      const [a, b] = [rootOf(holders[first[key]]), rootOf(doc)];
      if (order[a] < order[b]) parents[b] = a;
      else parents[a] = b;
    }
  });
  const taken = new Map<number, readonly string[]>();
  eachDocument(table, (doc, begin, end) => {
    if (rootOf(doc) === doc) return;
    taken.set(
      doc,
      Array.from({ length: end - begin }, (_, i) => table.text(begin + i)),
    );
  });
  return taken;
}

function eachDocument(table: KeyTable, visit: (doc: number, begin: number, end: number) => void): void {
  for (let doc = 0; doc < table.ids.length; doc++) visit(doc, table.beginOf(doc), table.beginOf(doc + 1));
}

/** The array itself, or one of twice the length with its numbers. */
function withRoom(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (length <= array.length) return array;
  const longer = new Uint32Array(Math.max(length, 2 * array.length));
  longer.set(array);
  return longer;
}
