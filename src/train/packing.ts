// Several short rows in a bin, so that a pass has no more sequences than it needs (TRL's `bfd`, best-fit decreasing).

/**
 * Rows packed into bins of at most `maxLength` ids, longest first, each into the fullest bin that has room, the first
 * of equals. Every row stays a sequence of its own.
 */
export function packed<Row extends { readonly ids: readonly number[] }>(
  rows: readonly Row[],
  maxLength: number,
): Row[][] {
  const bins: Row[][] = [];
  // More room than for everything is never looked at.
  const all = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  const rooms = new Rooms(Math.min(maxLength, all));
  for (const row of [...rows].sort((a, b) => b.ids.length - a.ids.length)) {
    const { length } = row.ids;
    const found = rooms.take(length);
    if (!found) bins.push([row]);
    else bins[found.bin].push(row);
    const { bin, room } = found ?? { bin: bins.length - 1, room: rooms.most };
    rooms.put(bin, room - length);
  }
  return bins;
}

/** Numbers of bins by the room that is left in them. */
class Rooms {
  readonly most: number;
  private readonly bins: (number[] | undefined)[] = [];
  /** A tree over all rooms: 1 where a bin has one of those below a node. Node n has the children 2n and 2n + 1. */
  private readonly hasBin: Uint8Array;
  private readonly leaves: number;

  constructor(most: number) {
    this.most = most;
    this.leaves = 2 ** Math.ceil(Math.log2(most + 1));
    this.hasBin = new Uint8Array(2 * this.leaves);
  }

  /** A row that is longer than a bin leaves less than no room. */
  put(bin: number, room: number): void {
    if (room < 0) return;
    const bins = (this.bins[room] ??= []);
    push(bins, bin);
    if (bins.length === 1) this.mark(room, 1);
  }

  /** Takes out the first of the bins with the least room of at least `length`. */
  take(length: number): { bin: number; room: number } | undefined {
    const room = length > this.most ? undefined : this.leastFrom(length);
    if (room === undefined) return undefined;
    const bins = this.bins[room]!;
    const bin = pop(bins);
    if (bins.length === 0) this.mark(room, 0);
    return { bin, room };
  }

  private mark(room: number, has: 0 | 1): void {
    const { hasBin } = this;
    let node = this.leaves + room;
    hasBin[node] = has;
    while (node > 1) {
      node >>= 1;
      hasBin[node] = hasBin[2 * node] | hasBin[2 * node + 1];
    }
  }

  private leastFrom(room: number): number | undefined {
    const { hasBin, leaves } = this;
    let node = leaves + room;
    while (hasBin[node] === 0) {
      // A right child has nothing to its right below its parent.
      while (node % 2 === 1) node >>= 1;
      if (node === 0) return undefined;
      node++;
    }
    while (node < leaves) node = 2 * node + (hasBin[2 * node] ? 0 : 1);
    return node - leaves;
  }
}

/** A heap in a list, the least number first. */
function push(heap: number[], value: number): void {
  let at = heap.push(value) - 1;
  for (let parent = (at - 1) >> 1; at > 0 && heap[parent] > value; parent = (at - 1) >> 1) {
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = value;
}

function pop(heap: number[]): number {
  const [least] = heap;
  const value = heap.pop()!;
  if (heap.length === 0) return least;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = value;
  return least;
}
