// What two texts have in common: Python's difflib (SequenceMatcher without junk), which cosmopedia's rule asks, and
// the longest common subsequence, which FineMath's asks.

export interface MatchingBlock {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

/**
 * `SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()` without its last, empty block: the longest
 * common stretch (the first in a, then in b, of several), then the same on both sides of it. Neighbours are joined.
 */
export function matchingBlocks(a: ArrayLike<number>, b: ArrayLike<number>): MatchingBlock[] {
  const places = placesOf(b);
  const rows = { lengths: new Int32Array(b.length), rowOf: new Int32Array(b.length).fill(-2) };
  const found: MatchingBlock[] = [];
  const open = [{ aBegin: 0, aEnd: a.length, bBegin: 0, bEnd: b.length }];
  for (let part = open.pop(); part; part = open.pop()) {
    const best = longest(a, places, part, rows);
    if (best.length === 0) continue;
    found.push(best);
    if (part.aBegin < best.a && part.bBegin < best.b) open.push({ ...part, aEnd: best.a, bEnd: best.b });
    const [aNext, bNext] = [best.a + best.length, best.b + best.length];
    if (aNext < part.aEnd && bNext < part.bEnd) open.push({ ...part, aBegin: aNext, bBegin: bNext });
  }
  return joined(found.sort((x, y) => x.a - y.a));
}

interface Part {
  readonly aBegin: number;
  readonly aEnd: number;
  readonly bBegin: number;
  readonly bEnd: number;
}

function placesOf(b: ArrayLike<number>): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (let j = 0; j < b.length; j++) {
    const list = places.get(b[j]);
    if (list) list.push(j);
    else places.set(b[j], [j]);
  }
  return places;
}

/** `lengths[j]` is the length of the common stretch that ends at a[i − 1] and b[j], where `rowOf[j]` is i − 1. */
function longest(
  a: ArrayLike<number>,
  places: ReadonlyMap<number, readonly number[]>,
  { aBegin, aEnd, bBegin, bEnd }: Part,
  { lengths, rowOf }: { lengths: Int32Array; rowOf: Int32Array },
): MatchingBlock {
  let best = { a: aBegin, b: bBegin, length: 0 };
  rowOf.fill(-2, bBegin, bEnd);
  for (let i = aBegin; i < aEnd; i++) {
    const list = places.get(a[i]);
    if (!list) continue;
    let firstBest: MatchingBlock | null = null;
    // From the right, so that the entry of j − 1 is still the row before.
    for (let n = list.length - 1; n >= 0; n--) {
      const j = list[n];
      if (j >= bEnd) continue;
      if (j < bBegin) break;
      const length = (j > bBegin && rowOf[j - 1] === i - 1 ? lengths[j - 1] : 0) + 1;
      lengths[j] = length;
      rowOf[j] = i;
      // Of equally long ones the leftmost counts: later in this loop.
      if (length > best.length && length >= (firstBest?.length ?? 0))
        firstBest = { a: i - length + 1, b: j - length + 1, length };
    }
    if (firstBest) best = firstBest;
  }
  return best;
}

function joined(blocks: readonly MatchingBlock[]): MatchingBlock[] {
  const result: MatchingBlock[] = [];
  for (const block of blocks) {
    const last = result.at(-1);
    if (last && last.a + last.length === block.a && last.b + last.length === block.b)
      result[result.length - 1] = { ...last, length: last.length + block.length };
    else result.push(block);
  }
  return result;
}

/**
 * Length of the longest common subsequence, 32 words of the shorter text at a time (Crochemore et al. 2001): a bit
 * of `row` is 0 where the length grows.
 */
export function longestCommonSubsequence(text: readonly string[], item: readonly string[]): number {
  const numCells = Math.ceil(item.length / 32);
  const row = new Uint32Array(numCells).fill(0xffffffff);
  const matches = new Map<string, Uint32Array>();
  for (const [j, word] of item.entries()) {
    if (!matches.has(word)) matches.set(word, new Uint32Array(numCells));
    matches.get(word)![j >> 5] |= 1 << (j & 31);
  }
  for (const word of text) {
    const match = matches.get(word);
    if (!match) continue;
    let carry = 0;
    for (let cell = 0; cell < numCells; cell++) {
      const value = row[cell];
      const common = (value & match[cell]) >>> 0;
      const sum = value + common + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      row[cell] = sum | (value & ~match[cell]);
    }
  }
  let length = 0;
  for (let j = 0; j < item.length; j++) if (!(row[j >> 5] & (1 << (j & 31)))) length++;
  return length;
}
