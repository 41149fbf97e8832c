// The heap of train.ts: pairs of tokens, most frequent first, and among equals the smaller pair.

/** A pair of neighbours, how often it occurred when it was offered, and in which words. */
export interface PairEntry {
  /** Left id · 2^24 + right id: comparing them compares left ids first. */
  readonly pair: number;
  readonly count: number;
  /** Indices of words. */
  readonly words: ReadonlySet<number>;
}

/** A binary heap; `pop` takes the best. */
export class PairHeap {
  private readonly entries: PairEntry[] = [];

  push(entry: PairEntry): void {
    const entries = this.entries;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(entry, entries[parent])) break;
      entries[at] = entries[parent];
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): PairEntry | undefined {
    const entries = this.entries;
    const best = entries[0];
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return best;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBetter(entries[child + 1], entries[child])) child++;
      if (!isBetter(entries[child], last)) break;
      entries[at] = entries[child];
      at = child;
    }
    entries[at] = last;
    return best;
  }
}

function isBetter(a: PairEntry, b: PairEntry): boolean {
  return a.count !== b.count ? a.count > b.count : a.pair < b.pair;
}
